// The thread that computes hints: it receives a row of the game, and answers what its legal actions are worth.

import { Kernels } from "./kernels.mjs";

const loaded = Kernels.load();

onmessage = async ({ data: { id, row, seed, time, worlds } }) => {
  try {
    const kernels = await loaded;
    kernels.columns.set(row);
    postMessage({ id, done: kernels.values(seed, time, worlds) });
  } catch (error) {
    postMessage({ id, error: String(error) });
  }
};
