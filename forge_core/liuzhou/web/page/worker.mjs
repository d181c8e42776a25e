// What the thread that computes can be asked: see shared/answering.mjs.

import { Kernels } from "./kernels.mjs";
import { simsOf } from "./link.mjs";
import { answerWith } from "./shared/answering.mjs";

const BATCH = 32; // simulations between two reports of progress

answerWith(Kernels.load(), {
  /** Return what a search of some simulations finds in a row, as kernels.found. */
  search(kernels, { row, sims }, report) {
    kernels.begin(row);
    for (let n = 0; n < sims; n += BATCH) {
      kernels.simulate(Math.min(BATCH, sims - n));
      report(kernels.found());
    }
    return kernels.found();
  },
  /** Return the action of an opponent. time: actions taken in the game. */
  choose(kernels, { row, opponent, seed, time }) {
    const sims = simsOf(opponent);
    return sims === null ? kernels.byStones(row, opponent === "reply", seed, time) : kernels.byNetwork(row, sims, seed, time);
  },
});
