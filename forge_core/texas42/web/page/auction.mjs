// The auction and the score, as in forge_core/texas42/auction.py. A bid is 30..41 points, or 42 per mark.

import { HAND_POINTS } from "./hand.mjs";

export const PASS = 0;
const LOWEST_BID = 30;
const MARK = HAND_POINTS;
export const MARKS_TO_WIN = 7;

/** Return the marks at stake: 1 for a bid of points. */
export const marksOf = (bid) => Math.max(1, Math.floor(bid / MARK));

/** Return the points that the bidding team must take. */
export const pointsNeeded = (bid) => Math.min(bid, HAND_POINTS);

export function callText(call) {
  if (call < MARK) return call ? String(call) : "pass";
  return call === MARK ? "1 mark" : `${marksOf(call)} marks`;
}

/** Return the legal calls in ascending order, given the highest bid so far (PASS if there is none). */
export function legalCalls(high) {
  if (high >= MARK) return [PASS, high + MARK];
  const lowest = Math.max(LOWEST_BID, high + 1);
  const points = Array.from({ length: MARK - lowest }, (_, i) => lowest + i);
  return [PASS, ...points, MARK, 2 * MARK];
}

/** Four calls in turn, from the dealer's left. */
export class Auction {
  constructor(dealer) {
    Object.assign(this, { dealer, calls: [], decl: null });
  }
  get isOver() {
    return this.calls.length === 4;
  }
  get turn() {
    return this.seatOf(this.calls.length);
  }
  get high() {
    return Math.max(PASS, ...this.calls);
  }
  /** The seat of the highest bid so far, or null. */
  get bidder() {
    return this.high === PASS ? null : this.seatOf(this.calls.indexOf(this.high));
  }
  get legal() {
    return this.isOver ? [] : legalCalls(this.high);
  }
  seatOf(place) {
    return (this.dealer + 1 + place) % 4;
  }
  /** Make a call. decl: the declaration that a bidder has in mind, or null. */
  call(call, decl = null) {
    if (!this.legal.includes(call)) throw new Error(`${callText(call)} is not legal`);
    this.calls.push(call);
    if (call !== PASS) this.decl = decl;
  }
}

/** Return true if a contract is made, false if it is set, null while it is undecided. */
export function isMade({ bid, bidder, points }) {
  const [ours, theirs] = [points[bidder % 2], points[1 - (bidder % 2)]];
  if (ours >= pointsNeeded(bid)) return true;
  return theirs > HAND_POINTS - pointsNeeded(bid) ? false : null;
}

/** Return the marks of both teams after a finished hand. */
export function scoreAfter(marks, hand) {
  const side = isMade(hand) ? hand.bidder % 2 : 1 - (hand.bidder % 2);
  return marks.map((own, team) => (team === side ? own + marksOf(hand.bid) : own));
}
