// What the thread that computes can be asked: see shared/answering.mjs.

import { Kernels } from "./kernels.mjs";
import { answerWith } from "./shared/answering.mjs";

answerWith(Kernels.load(), {
  /** Return what the legal actions of a row of the game are worth. */
  values(kernels, { row, seats, seed, time, worlds }) {
    kernels.seats = BigInt(seats);
    kernels.columns.set(row);
    return kernels.values(seed, time, worlds);
  },
});
