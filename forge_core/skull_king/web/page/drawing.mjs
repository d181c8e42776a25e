// Everything that is drawn, from plain descriptions. No rules and no state of play here.

import { actionText, BID_0, cardOf, faceOf, TIGRESS_AS_PIRATE } from "./cards.mjs";
import { counted, element, signed } from "./shared/elements.mjs";
import { drawList, reviewButtons } from "./shared/review.mjs";

const NAMES = { 3: ["You", "Left", "Right"], 4: ["You", "Left", "Across", "Right"] };
const PLACES = ["own", "left", "across", "right"];
const SEEN = 0.5; // points: smaller losses are within the error of the values

/** Return the names of the seats of a table, clockwise from seat 0. */
export const namesOf = (seats) => NAMES[seats] ?? Array.from({ length: seats }, (_, seat) => (seat ? `Seat ${seat + 1}` : "You"));

function cardNode(card, classes = "") {
  const [name, kind] = faceOf(card);
  const [first, rest] = name.split(" ");
  return element("span", { class: `card ${kind} ${classes}`, "aria-label": name }, element("b", {}, rest && kind !== "king" && kind !== "beast" ? rest : ""), element("span", {}, rest && (kind === "king" || kind === "beast") ? name : first));
}

const hintOf = (hint) => (hint ? [element("b", {}, signed(hint.points)), element("span", {}, `± ${(1.96 * hint.error).toFixed(1)}`)] : []);

/**
 * Draw the table. seats: by seat {name, cards, bid, won, isToMove}; bid is null while it is hidden. isOpen: true shows
 * all cards. next: the card that is played next in a round that is looked at again, or null. table: [{seat, card,
 * isBest}]. legal: the legal actions of seat 0, or []. hints: by action. onAct: called with an action.
 */
export function drawTable(place, { seats, isOpen, next, table, legal, hints, best, onAct }) {
  const isOfFour = seats.length === PLACES.length;
  const closed = () => element("span", { class: "back" });
  const open = (card) => cardNode(card, `small ${card === next ? "chosen" : ""}`);
  const nodes = seats.map(({ name, cards, bid, won, isToMove }, seat) =>
    element(
      "div",
      { class: `seat ${isOfFour ? PLACES[seat] : seat ? "" : "own"} ${isToMove ? "to-move" : ""}` },
      element("h3", {}, `${name}${isToMove ? " to act" : ""}`),
      element("p", { class: "dim" }, bid === null ? "" : `won ${won}, bid ${bid}`),
      element("div", { class: "row" }, ...cards.flatMap(isOpen ? open : seat ? closed : buttonsOf)),
    ),
  );
  function buttonsOf(card) {
    const actions = [card - 1, ...(card === 72 ? [TIGRESS_AS_PIRATE] : [])];
    return actions.map((action) => {
      const isLegal = legal.includes(action);
      const words = hints && isLegal ? hintOf(hints[action]) : [];
      const label = actionText(action) + (words.length ? `, ${signed(hints[action].points)} points` : "");
      return element(
        "button",
        { type: "button", class: `play ${hints && action === best ? "best" : ""} ${legal.length && !isLegal ? "illegal" : ""}`, disabled: !isLegal, "data-action": action, "aria-label": label, title: actionText(action), onclick: () => onAct(action) },
        element("span", { class: "hint" }, hints && action === best ? "best" : "", ...words),
        cardNode(card),
        element("small", {}, card === 72 ? (action === TIGRESS_AS_PIRATE ? "pirate" : "escape") : ""),
      );
    });
  }
  const trick = table.map(({ seat, card, isBest }) => {
    const node = cardNode(card, isBest ? `wins ${table.length === seats.length ? "won" : ""}` : "");
    if (!isOfFour) return element("span", { class: "of-seat" }, node, element("small", {}, seats[seat].name));
    node.style.gridArea = PLACES[seat];
    return node;
  });
  place.className = isOfFour ? "four" : "many";
  place.replaceChildren(...nodes, element("div", { id: "trick", "aria-label": "Trick" }, ...trick));
}

/** Draw the choice of a bid. dealt: the highest bid. */
export function drawBids(place, { legal, hints, best, onAct }) {
  const rows = legal.map((action) => {
    const hint = hints?.[action];
    return element(
      "button",
      { type: "button", class: hints && action === best ? "best" : "", "data-action": action, onclick: () => onAct(action) },
      element("b", {}, String(action - BID_0)),
      ...(hint ? [element("small", {}, counted(Math.round(hint.points) + 0, "point"))] : []),
    );
  });
  place.replaceChildren(
    element("h2", {}, "How many tricks will you win?"),
    element("div", { class: "bids" }, ...rows),
    element("p", { class: "dim" }, hints ? "Expected points of this round: your hand in many deals, finished by players by rules." : ""),
  );
}

/** Draw what the hints rest on. */
export function drawHint(place, worlds) {
  place.replaceChildren(...(worlds ? [element("h2", {}, "Hints"), element("p", { class: "dim" }, `Above each card: your expected points in this round, ± the error, in ${worlds} deals that fit what you know, finished by players by rules.`)] : []));
}

/**
 * Draw the result of a round: points by seat, and what the own decisions lost. onStep: called with -1 or 1 to look at
 * the action before or after the one that is shown.
 */
export function drawResult(place, { deltas, lost, next, onNext, onStep, onSave }) {
  const worst = lost.filter(({ points }) => points >= SEEN).sort((a, b) => b.points - a.points);
  place.replaceChildren(
    element("h2", {}, `Your points in this round: ${signed(deltas[0]).replace(".0", "")}`),
    ...worst.map(({ taken, best, points }) => element("p", {}, `${actionText(taken)} instead of ${actionText(best)}: about ${points.toFixed(1)} points fewer, by what you knew.`)),
    ...(worst.length ? [] : [element("p", {}, "No decision lost a measurable number of points, by what you knew.")]),
    reviewButtons({ onStep, onSave, reader: "forge skull-king view", next, onNext }),
  );
}

/** Draw the score sheet. rounds: [{bids, won, deltas}]. scores: by seat. */
export function drawSheet(place, { names, rounds, scores }) {
  const rows = rounds.map(({ bids, won, deltas }, i) =>
    element("tr", {}, element("td", { class: "text" }, String(i + 1)), ...names.map((_, seat) => element("td", {}, `${won[seat]}/${bids[seat]} `, element("b", {}, String(deltas[seat]))))),
  );
  const heads = ["round", ...names].map((head, i) => element("th", { class: i ? "" : "text" }, head));
  const total = element("tr", {}, element("td", { class: "text" }, "total"), ...scores.map((score) => element("td", {}, element("b", {}, String(score)))));
  place.replaceChildren(element("h2", {}, "Tricks won / bid, and points"), element("table", {}, element("tr", {}, ...heads), ...rows, total));
}

/**
 * Draw the plays of the round: [{seat, action}]; taken: by trick, the seat that took it, or -1. shown: the play that is
 * looked at again. onShow: called with the number of a play, or null while the round is played.
 */
export function drawLog(place, { names, plays, taken, shown, onShow }) {
  const text = (...content) => element("td", { class: "text" }, ...content);
  const rows = plays.map(({ seat, action }, i) => {
    const turn = i % names.length;
    const taker = taken[(i - turn) / names.length];
    const end = turn < names.length - 1 ? "" : taker < 0 ? "nobody took it" : `${names[taker]} took it`;
    const [card] = faceOf(cardOf(action));
    return element("tr", { class: i === shown ? "here" : "" },
      text(turn ? "" : String(1 + i / names.length)),
      text(names[seat]),
      text(onShow ? element("button", { type: "button", "data-play": i, onclick: () => onShow(i) }, card) : card),
      text(end));
  });
  drawList(place, "Plays", rows);
}
