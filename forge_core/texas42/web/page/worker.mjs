// The thread that computes. It receives {id, task, ...} and answers {id, done | progress | error}.

import { estimate, mix, valuesOf } from "./estimate.mjs";
import { Rules } from "./hand.mjs";
import { Kernels } from "./kernels.mjs";

const BATCH = 25; // worlds between two reports of progress
const loaded = Kernels.load().then((kernels) => ({ kernels, rules: new Rules(kernels.rules()) }));

const tasks = {
  /** Estimate the plays of one view. key: a decimal number of up to 64 bits. */
  estimate({ kernels, rules }, { view, worlds, key }, report) {
    return estimate(kernels, rules, view, worlds, BigInt(key), BATCH, report);
  },
  /** Return P(make) and the expected points of a hand's best lead under one declaration. */
  declare({ kernels, rules }, { view, worlds, key }) {
    const found = estimate(kernels, rules, view, worlds, mix(BigInt(key), view.decl));
    return { worlds: found.worlds, pMake: found.pMake[found.best], mean: found.mean[found.best] };
  },
  /** Return what every play of a finished hand was worth with all hands visible: one [7] per view. */
  values({ kernels }, { deal, views }) {
    return views.map((view) => valuesOf(kernels, deal, view));
  },
};

onmessage = async ({ data }) => {
  try {
    const report = (progress) => postMessage({ id: data.id, progress });
    postMessage({ id: data.id, done: tasks[data.task](await loaded, data, report) });
  } catch (error) {
    postMessage({ id: data.id, error: String(error) });
  }
};
