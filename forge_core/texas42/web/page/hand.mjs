// One hand of Texas 42: the rules by table, the state of the play, and the view of one seat.

export const HAND_POINTS = 42;
export const DECLARATIONS = [
  "blanks", "ones", "twos", "threes", "fours", "fives", "sixes", "doubles-trump", "doubles-suit", "notrump",
];
const PIPS = [];
for (let high = 0; high < 7; high++) for (let low = 0; low <= high; low++) PIPS.push([high, low]);

/** Return (high pip, low pip) of a domino id. */
export const pipsOf = (domino) => PIPS[domino];
export const nameOf = (domino) => PIPS[domino].join("-");

export class Rules {
  /** tables: from Kernels.rules(). */
  constructor(tables) {
    this.tables = tables;
  }
  ledSuit(decl, lead) {
    return this.tables.ledSuit[28 * decl + lead];
  }
  follows(decl, suit, domino) {
    return this.tables.follows[28 * (8 * decl + suit) + domino] !== 0;
  }
  rank(decl, suit, domino) {
    return this.tables.rank[28 * (8 * decl + suit) + domino];
  }
  legal(decl, held, trick) {
    if (!trick.length) return held.slice();
    const suit = this.ledSuit(decl, trick[0]);
    const following = held.filter((domino) => this.follows(decl, suit, domino));
    return following.length ? following : held.slice();
  }
  /** Return the offset from the leader of the seat that is winning a trick. */
  winner(decl, trick) {
    const ranks = trick.map((domino) => this.rank(decl, this.ledSuit(decl, trick[0]), domino));
    return ranks.indexOf(Math.max(...ranks));
  }
  trickPoints(trick) {
    return trick.reduce((sum, domino) => sum + this.tables.points[domino], 1);
  }
}

/** The play of one deal: all hands, and everything played so far. */
export class Hand {
  constructor(rules, deal, decl, bid, bidder) {
    Object.assign(this, { rules, deal, decl, bid, bidder, plays: [], players: [], points: [0, 0] });
    this.leader = bidder; // of the current trick
  }
  get step() {
    return this.plays.length;
  }
  get isOver() {
    return this.step === 28;
  }
  get turn() {
    return (this.leader + (this.step % 4)) % 4;
  }
  get trick() {
    return this.plays.slice(this.step - (this.step % 4));
  }
  held(seat) {
    return this.deal[seat].filter((domino) => !this.plays.includes(domino));
  }
  get legal() {
    return this.rules.legal(this.decl, this.held(this.turn), this.trick);
  }
  play(domino) {
    if (!this.legal.includes(domino)) throw new Error(`${nameOf(domino)} is not legal`);
    this.players.push(this.turn);
    this.plays.push(domino);
    if (this.step % 4) return;
    const trick = this.plays.slice(-4);
    this.leader = (this.leader + this.rules.winner(this.decl, trick)) % 4;
    this.points[this.leader % 2] += this.rules.trickPoints(trick);
  }
  /** Return the hand as it was after the first `step` plays. */
  at(step) {
    const before = new Hand(this.rules, this.deal, this.decl, this.bid, this.bidder);
    for (const domino of this.plays.slice(0, step)) before.play(domino);
    return before;
  }
  /** Return everything that the seat to move knows, and nothing else. */
  view() {
    const { turn: seat, decl, bid, bidder, leader } = this;
    const [plays, players, points] = [this.plays.slice(), this.players.slice(), this.points.slice()];
    return { seat, hand: this.deal[seat].slice(), decl, bid, bidder, leader, plays, players, points };
  }
}

/** Return, by seat, the suits that each seat has failed to follow: arrays of 0..7, 7 = called. */
export function voidsOf(rules, decl, plays, players) {
  const voids = [[], [], [], []];
  plays.forEach((domino, i) => {
    const suit = rules.ledSuit(decl, plays[i - (i % 4)]);
    const seat = voids[players[i]];
    if (!rules.follows(decl, suit, domino) && !seat.includes(suit)) seat.push(suit);
  });
  return voids;
}

/** Pack a position as forge_core.texas42.state does. held: bit 7 x seat + slot of dominoes in hands; slots: of the trick. */
export function stateOf(held, leader, slots) {
  const trick = [0, 1, 2].reduce((packed, place) => packed | ((slots[place] ?? 7) << (3 * place)), 0);
  return BigInt(held) | (BigInt((trick << 4) | (slots.length << 2) | leader) << 28n);
}

/** Return the packed state of a position, given all hands as dealt. */
export function packState(hands, plays, players, leader) {
  let held = 0;
  hands.forEach((hand, seat) => {
    hand.forEach((domino, slot) => {
      if (!plays.includes(domino)) held |= 1 << (7 * seat + slot);
    });
  });
  const first = plays.length - (plays.length % 4);
  return stateOf(held, leader, plays.slice(first).map((domino, i) => hands[players[first + i]].indexOf(domino)));
}
