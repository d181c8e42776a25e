// The link of a game: #seed=7 decides what players draw at random. Optional: &side=white; &opponent=greedy; &pace=0.

import { SIDES } from "./position.mjs";
import { linkWith, oneOf, paceOf, readerOf, seedFrom } from "./shared/link.mjs";

export const OPPONENTS = ["greedy", "reply", "network", "search-32", "search-128", "search-512"];
const DEFAULTS = { side: "black", opponent: "search-128", pace: 1 };

/** Return {seed, side, opponent, pace}; a link without a seed gets a random one. Throws an Error. */
export function parseLink(hash) {
  const read = readerOf(hash);
  return {
    seed: seedFrom(read),
    side: read("side", oneOf(SIDES), DEFAULTS.side, SIDES.join(" or ")),
    opponent: read("opponent", oneOf(OPPONENTS), DEFAULTS.opponent, OPPONENTS.join(", ")),
    pace: paceOf(hash),
  };
}

export const linkOf = (link) => linkWith(link, DEFAULTS);

/** Return the number of simulations of an opponent: 0 for the network alone, null for one that counts stones. */
export function simsOf(opponent) {
  if (opponent === "network") return 0;
  return opponent.startsWith("search-") ? Number(opponent.slice("search-".length)) : null;
}

/** Return the name of an opponent as `forge liuzhou` writes it. */
export function playerName(opponent) {
  const sims = simsOf(opponent);
  return sims ? `search:sims=${sims},model=models/liuzhou-32x3` : opponent;
}
