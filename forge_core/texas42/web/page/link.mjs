// The link of a hand: #seed=7 names the deal of a game's next hand. Optional: &decl=sixes plays one hand with
// this trump, for a bid of 30; &dealer=3 and &marks=0-0 go on with a game; &opponents=exact; &pace=0.

import { MARKS_TO_WIN } from "./auction.mjs";
import { DECLARATIONS } from "./hand.mjs";
import { linkWith, oneOf, paceOf, randomSeed, readerOf, seedFrom } from "./shared/link.mjs";

export const LEVELS = ["heuristic", "network", "exact", "strongest"];
const DEFAULTS = { decl: null, dealer: 3, marks: [0, 0], opponents: "exact", pace: 1 };

/** Return {seed, decl, dealer, marks, opponents, pace}; a link without a seed gets a random one. Throws an Error. */
export function parseLink(hash) {
  const read = readerOf(hash);
  const marks = (text) => {
    const numbers = /^[0-9]-[0-9]$/.test(text) ? text.split("-").map(Number) : [MARKS_TO_WIN];
    return Math.max(...numbers) < MARKS_TO_WIN ? numbers : undefined;
  };
  const decl = read("decl", oneOf(DECLARATIONS), null, DECLARATIONS.join(", "));
  return {
    seed: seedFrom(read, 100),
    decl: decl === null ? null : DECLARATIONS.indexOf(decl),
    dealer: read("dealer", (text) => (/^[0-3]$/.test(text) ? Number(text) : undefined), DEFAULTS.dealer, "a seat, 0 to 3"),
    marks: read("marks", marks, DEFAULTS.marks, "the marks of both teams, such as 2-1, each less than seven"),
    opponents: read("opponents", oneOf(LEVELS), DEFAULTS.opponents, LEVELS.join(", ")),
    pace: paceOf(hash),
  };
}

/** Return the link of a hand, without the parts that have their default. */
export function linkOf({ seed, decl, dealer, marks, opponents, pace }) {
  const named = { seed, decl: decl === null ? "" : DECLARATIONS[decl], dealer, marks: marks.join("-"), opponents, pace };
  return linkWith(named, { ...DEFAULTS, decl: "", marks: DEFAULTS.marks.join("-") });
}

/** Return the link's content for the first hand of another game at the same table. */
export const anotherGame = (link) => ({ ...link, seed: randomSeed(), decl: null, dealer: DEFAULTS.dealer, marks: DEFAULTS.marks });

/** Return the link's content for the next hand of a game: the next seed, and the dealer's left neighbour deals. */
export function nextHand(link, marks) {
  return { ...link, seed: String(BigInt(link.seed) + 1n), dealer: (link.dealer + 1) % 4, marks };
}
