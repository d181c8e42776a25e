// What the thread that computes can be asked: see shared/answering.mjs.

import { tableOf } from "./bids.mjs";
import { estimateExactly, estimateStrongly, valuesOf } from "./estimate.mjs";
import { Rules } from "./hand.mjs";
import { Kernels, POLICIES } from "./kernels.mjs";
import { askNetwork } from "./network.mjs";
import { answerWith } from "./shared/answering.mjs";

const BATCH = 25; // worlds or deals between two reports of progress
const loaded = Kernels.load().then((kernels) => ({ kernels, rules: new Rules(kernels.rules()) }));

const tasks = {
  /** Estimate the plays of one view. key: a decimal number of up to 64 bits. */
  estimate({ kernels, rules }, { view, worlds, key }, report) {
    return estimateExactly(kernels, rules, view, BigInt(key), worlds, BATCH, report);
  },
  /** Return the slot that another seat plays. level: one of LEVELS but exact, whose estimates are needed anyway. */
  play({ kernels, rules }, { view, level, key }) {
    if (level in POLICIES) return kernels.policySlot(view, POLICIES[level]);
    return estimateStrongly(kernels, rules, view, BigInt(key)).best;
  },
  /** Return P(make) of a hand under all declarations, and the best call. deals: number per declaration. */
  table({ kernels }, { hand, key, deals, situation }, report) {
    const advised = (found) => ({ ...found, best: situation && kernels.bestCall(found.pMake, situation) });
    return advised(tableOf(kernels, hand, BigInt(key), deals, BATCH, (found) => report(advised(found))));
  },
  /** Return the call of a RuleBidder: {call, decl}. */
  call({ kernels }, { hand, situation }) {
    return kernels.bestCall(kernels.rulePMake(hand), situation);
  },
  /** Return what the user's network expects of every play, and its choice: see network.mjs. */
  network({ kernels, rules }, { view, worlds, key }) {
    return askNetwork(kernels, rules, view, worlds, BigInt(key));
  },
  /** Return what every play of a finished hand was worth with all hands visible: one [7] per view. */
  values({ kernels }, { deal, views }) {
    return views.map((view) => valuesOf(kernels, deal, view));
  },
};

answerWith(loaded, tasks);
