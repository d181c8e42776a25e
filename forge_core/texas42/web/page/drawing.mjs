// Everything that is drawn, from a plain description of what to show. No rules and no state of play here.

import { callText, isMade, pointsNeeded } from "./auction.mjs";
import { DECLARATIONS, nameOf, pipsOf, voidsOf } from "./hand.mjs";
import { counted, element, percent, signed } from "./shared/elements.mjs";
import { drawList, reviewButtons } from "./shared/review.mjs";

export const SEATS = ["You", "Left", "Partner", "Right"];
const PLACES = ["own", "left", "across", "right"];
const SUITS = ["blanks", "ones", "twos", "threes", "fours", "fives", "sixes", "trumps"];
const DIAGONAL = [[-1, 1], [1, -1]];
const CORNERS = [...DIAGONAL, [-1, -1], [1, 1]];
const SPOTS = [[], [[0, 0]], DIAGONAL, [...DIAGONAL, [0, 0]], CORNERS, [...CORNERS, [0, 0]], [...CORNERS, [-1, 0], [1, 0]]];
const SEEN = 0.05; // points: smaller losses would read 0.0
const COSTLY = 1; // points: losses from here on are marked in the list of plays

export const title = (decl) => DECLARATIONS[decl].replace("-", " ").replace("notrump", "no trump");

/** Return the drawing of an upright domino; null for one that is face down. */
function drawing(domino) {
  const half = (pips, middle) =>
    SPOTS[pips].map(([x, y]) => `<circle cx="${22 + 11 * x}" cy="${middle + 11 * y}" r="4"/>`).join("");
  const svg = element("span");
  const [high, low] = domino === null ? [0, 0] : pipsOf(domino);
  const face = domino === null ? "" : `<path class="bar" d="M6 44H38"/>${half(high, 22)}${half(low, 66)}`;
  const label = domino === null ? "face down" : nameOf(domino);
  svg.innerHTML = `<svg viewBox="0 0 44 88" role="img" aria-label="${label}"><rect class="outline" x="2" y="2" width="40" height="84" rx="7"/>${face}</svg>`;
  return svg.firstChild;
}

const tile = (domino, classes = "") =>
  element("span", { class: `domino ${domino === null ? "back" : ""} ${classes}` }, drawing(domino));

/**
 * Draw the table. hand: the position shown. isOpen: true shows all hands. own: the buttons of seat 0, see
 * `ownHand`, or null. next: the domino played next in a hand that is looked at again, or null. isPlayed: false
 * before the trump is known. dealer: the seat that dealt, or null.
 */
export function drawTable(place, { hand, isOpen, own, next, isPlayed, dealer }) {
  const voids = voidsOf(hand.rules, hand.decl, hand.plays, hand.players);
  const seats = PLACES.map((where, seat) => {
    const isToMove = isPlayed && !hand.isOver && hand.turn === seat;
    const held = hand.held(seat);
    const shown = isOpen ? hand.deal[seat] : held;
    const classes = (domino) =>
      `small ${isOpen && !hand.isOver && !held.includes(domino) ? "played" : ""} ${domino === next ? "chosen" : ""}`;
    const dominoes = own && seat === 0 ? own : shown.map((domino) => tile(isOpen || seat === 0 ? domino : null, classes(domino)));
    const missing = voids[seat].map((suit) => `no ${SUITS[suit]}`).join(", ");
    return element(
      "div",
      { class: `seat ${where} ${seat % 2 ? "them" : "us"} ${isToMove ? "to-move" : ""}`, "data-seat": seat },
      element("h3", {}, `${SEATS[seat]}${isToMove ? " to play" : ""}${seat === dealer ? " (dealt)" : ""}`),
      element("div", { class: "row" }, ...dominoes),
      element("small", {}, missing),
    );
  });
  place.className = "four";
  place.replaceChildren(...seats, drawTrick(hand));
}

/** Return the current trick, or the last one while nothing has been led. */
function drawTrick(hand) {
  const from = Math.max(0, hand.trick.length ? hand.step - hand.trick.length : hand.step - 4);
  const shown = hand.plays.slice(from);
  const winner = shown.length ? hand.rules.winner(hand.decl, shown) : -1;
  const dominoes = shown.map((domino, i) => {
    const made = tile(domino, i === winner ? `wins ${shown.length === 4 ? "won" : ""}` : "");
    made.style.gridArea = PLACES[hand.players[from + i]];
    return made;
  });
  return element("div", { id: "trick", "aria-label": "Trick" }, ...dominoes);
}

/**
 * Return the buttons of seat 0. isOn: true if it is its turn. hint: the estimates so far, or null.
 * onPlay: called with the domino.
 */
export function ownHand(hand, { isOn, hint, onPlay }) {
  const legal = isOn ? hand.legal : [];
  return hand.deal[0].map((domino, slot) => {
    if (hand.plays.includes(domino)) return null;
    const isLegal = legal.includes(domino);
    const isBest = hint && isLegal && hint.best === slot;
    const words = hint && isLegal ? hintOf(hint, slot, isBest) : [];
    const label = hint && isLegal
      ? `, expected ${signed(hint.mean[slot])} points, ${hand.bidder % 2 ? "sets" : "makes"} the bid in ${percent(hint.pMake[slot])}${isBest ? ", best" : ""}`
      : "";
    return element(
      "button",
      {
        type: "button",
        class: `domino ${isBest ? "best" : ""} ${isOn && !isLegal ? "illegal" : ""}`,
        disabled: !isLegal,
        "data-domino": domino,
        "aria-label": `Play ${nameOf(domino)}${label}`,
        onclick: () => onPlay(domino),
      },
      element("span", { class: "hint" }, ...words),
      drawing(domino),
      element("span", { class: "keys" }, String(slot + 1)),
    );
  }).filter(Boolean);
}

function hintOf(hint, slot, isBest) {
  const bar = element("i");
  bar.style.width = percent(hint.pMake[slot]).replace(" ", "");
  return [
    element("span", {}, isBest ? "best" : ""),
    element("b", {}, signed(hint.mean[slot])),
    element("span", {}, `± ${hint.spread[slot].toFixed(1)}`),
    element("span", {}, percent(hint.pMake[slot])),
    element("span", { class: "meter" }, bar),
  ];
}

/** Return how far a contract is, in words. */
function contractText({ bid, bidder, decl, points }) {
  const made = isMade({ bid, bidder, points });
  const state = made === null ? `${counted(pointsNeeded(bid) - points[bidder % 2], "point")} to go` : made ? "made" : "set";
  return `${SEATS[bidder]} bid ${callText(bid)}, ${title(decl)}: ${state}`;
}

/** Draw the points of both teams and the contract. onFinish: offers to play the rest of a decided hand, or null. */
export function drawScore(place, hand, onFinish = null) {
  place.replaceChildren(
    element(
      "div",
      { class: "points" },
      element("span", {}, "Your team ", element("b", { class: "us" }, String(hand.points[0]))),
      element("span", {}, "Opponents ", element("b", { class: "them" }, String(hand.points[1]))),
      element("span", {}, contractText(hand)),
      onFinish && element("button", { type: "button", id: "finish", onclick: onFinish }, "Finish the hand"),
    ),
  );
}

/** Return what a network would play, and what that costs by the exact hints. opinion: {mean, best, worlds, name, hand}. */
function opinionOf(hint, { mean, best, worlds, name, hand }) {
  const costs = hint.mean[hint.best] - hint.mean[best];
  const cost = costs < SEEN ? "as good as the best play" : `${costs.toFixed(1)} points less than the best play`;
  const how = worlds ? `in ${worlds} of these deals` : "from your hand and the plays alone";
  return element("p", { id: "opinion" }, `The network ${name} would play ${nameOf(hand[best])}, ${cost}. It expects ${signed(mean[best])} points, asked ${how}.`);
}

/**
 * Draw what the hints of this decision rest on; nothing if hint is null. isBidder: true for the bidding team.
 * opinion: a network's, see opinionOf, or null.
 */
export function drawHint(place, hint, isBidder, opinion) {
  if (!hint) return place.replaceChildren();
  const of = hint.worlds === hint.count ? "all" : String(hint.worlds);
  const nodes = [
    element("h2", {}, "Hints"),
    element("p", {}, hint.count === 1 ? "Only one deal of the hidden hands fits what you have seen; it is solved exactly." : `${hint.count.toLocaleString("en")} deals of the hidden hands fit what you have seen; ${of} of them are solved exactly.`),
    element("p", { class: "dim" }, `Above each domino: expected points from here (your team minus theirs), ± their spread over these deals, and how often you ${isBidder ? "make the bid" : "set the bidders"}.`),
    opinion && opinionOf(hint, opinion),
  ];
  place.replaceChildren(...nodes.filter(Boolean));
}

/** Return what a network would have lost in place of seat 0. */
function networkNodes(network) {
  if (!network) return [];
  const lost = `In your place, the network ${network.name} would have lost ${network.lost.toFixed(1)} points as known.`;
  return [element("p", { id: "network" }, lost)];
}

/** Draw where the user's network comes from. network: {name, lineage}, or null. */
export function drawAbout(place, network) {
  if (!network) return;
  const facts = Object.entries(network.lineage).map(([name, value]) => element("pre", {}, `${name}: ${value}`));
  place.hidden = false;
  place.replaceChildren(element("summary", {}, `Network: ${network.name}`), ...facts);
}

/**
 * Draw the result of a finished hand. totals: by seat, {known, seen}: points lost. perfect: points of seat 0's
 * team. network: {name, lost} of the user's network, or null. next: the words of the button that goes on.
 */
export function drawResult(place, { hand, totals, perfect, network, next, onNext, onStep, onSave }) {
  const rows = totals.map(({ known, seen }, seat) =>
    element("tr", {}, element("td", { class: "text" }, SEATS[seat]), element("td", {}, known.toFixed(1)), element("td", {}, String(seen))),
  );
  place.replaceChildren(
    element("h2", {}, `${isMade(hand) ? "Bid made" : "Bid set"}: ${hand.points[0]} to ${hand.points[1]}`),
    element("p", {}, `With all hands visible and perfect play by everyone: ${perfect} to ${42 - perfect}.`),
    element(
      "table",
      {},
      element("tr", {}, ...["points lost by", "as known", "all seen"].map((head, i) => element("th", { class: i ? "" : "text" }, head))),
      ...rows,
    ),
    ...networkNodes(network),
    reviewButtons({ onStep, onSave, reader: "forge view", next, onNext }),
  );
}

/**
 * Draw the plays. costs: null while the hand is on (estimates of other seats would reveal their hands), else
 * by play {known, seen}. shown: number of plays in the position shown. onShow: called with a number of plays.
 */
export function drawLog(place, { hand, costs, shown, onShow }) {
  const rows = hand.plays.map((domino, i) => {
    const cost = costs ? costs[i] : null;
    const cell = (lost, text) => element("td", { class: lost >= COSTLY ? "costly" : "" }, lost >= SEEN ? text : "");
    const play = costs ? element("button", { type: "button", onclick: () => onShow(i) }, nameOf(domino)) : nameOf(domino);
    return element(
      "tr",
      { class: costs && i === shown ? "here" : "" },
      element("td", { class: "text" }, i % 4 ? "" : String(1 + i / 4)),
      element("td", { class: "text" }, SEATS[hand.players[i]]),
      element("td", { class: "text" }, play),
      ...(cost ? [cell(cost.known, cost.known.toFixed(1)), cell(cost.seen, String(cost.seen))] : []),
    );
  });
  const heads = costs ? ["lost, as known", "all seen"] : [];
  const titles = ["trick", "seat", "play"].map((head) => element("th", { class: "text" }, head));
  const head = element("tr", {}, ...titles, ...heads.map((each) => element("th", {}, each)));
  drawList(place, "Plays", [head, ...rows], { isAtTop: Boolean(costs) });
}
