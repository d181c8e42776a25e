// The link of a game: #seed=7 names the deals. Optional: &seats=3 to 8; &others=captain the other players; &pace=0.

import { linkWith, oneOf, paceOf, readerOf, seedFrom } from "./shared/link.mjs";

export const PLAYERS = ["easy", "medium", "hard", "captain", "network"];
const SEATS_OF_NETWORK = 4;
const DEFAULTS = { seats: 4, pace: 1 };
const NUMBERS = ["3", "4", "5", "6", "7", "8"];

/** Return the players that can take the other seats of a table; the last one is the default. */
export const playersAt = (seats) => (seats === SEATS_OF_NETWORK ? PLAYERS : PLAYERS.slice(0, -1));

/** Return {seed, seats, others, pace}; a link without a seed gets a random one. Throws an Error. */
export function parseLink(hash) {
  const read = readerOf(hash);
  const seats = Number(read("seats", oneOf(NUMBERS), DEFAULTS.seats, "a number from 3 to 8"));
  const players = playersAt(seats);
  return {
    seed: seedFrom(read),
    seats,
    others: read("others", oneOf(players), players.at(-1), players.join(", ")),
    pace: paceOf(hash),
  };
}

/** Return the link of a game, without the parts that have their default. */
export const linkOf = ({ seed, seats, others, pace }) =>
  linkWith({ seed, seats, others, pace }, { ...DEFAULTS, others: playersAt(seats).at(-1) });
