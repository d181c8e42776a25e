// Everything that is drawn, from plain descriptions. No rules and no state of play here.

import { actionText, BID_0, cardOf, faceOf, TIGRESS_AS_PIRATE } from "./cards.mjs";
import { element, signed } from "./shared/elements.mjs";

export const SEATS = ["You", "Left", "Across", "Right"];
const PLACES = ["own", "left", "across", "right"];
const SEEN = 0.5; // points: smaller losses are within the error of the values

function cardNode(card, classes = "") {
  const [name, kind] = faceOf(card);
  const [first, rest] = name.split(" ");
  return element("span", { class: `card ${kind} ${classes}`, "aria-label": name }, element("b", {}, rest && kind !== "king" && kind !== "beast" ? rest : ""), element("span", {}, rest && (kind === "king" || kind === "beast") ? name : first));
}

const hintOf = (hint) => (hint ? [element("b", {}, signed(hint.points)), element("span", {}, `± ${(1.96 * hint.error).toFixed(1)}`)] : []);

/**
 * Draw the table. seats: by seat {held, bid, won, score, isToMove, isStarter}; bid is null while it is hidden.
 * table: [{seat, card, isBest}]. own: cards of seat 0. legal: its legal actions, or []. hints: by action. onAct: called
 * with an action.
 */
export function drawTable(place, { seats, table, own, legal, hints, best, onAct }) {
  const nodes = seats.map(({ held, bid, won, isToMove }, seat) =>
    element(
      "div",
      { class: `seat ${PLACES[seat]} ${isToMove ? "to-move" : ""}` },
      element("h3", {}, `${SEATS[seat]}${isToMove ? " to act" : ""}`),
      element("p", { class: "dim" }, bid === null ? "" : `won ${won} of ${bid} bid`),
      seat ? element("p", { class: "row" }, ...Array.from({ length: held }, () => element("span", { class: "back" }))) : element("div", { class: "row" }, ...own.flatMap((card) => buttonsOf(card))),
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
    const node = cardNode(card, isBest ? "wins" : "");
    node.style.gridArea = PLACES[seat];
    return node;
  });
  place.className = "four";
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
      ...(hint ? [element("small", {}, `${hint.points.toFixed(0)} points`)] : []),
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

/** Draw the result of a round: points by seat, and what the own decisions lost. */
export function drawResult(place, { deltas, lost, next, onNext }) {
  const worst = lost.filter(({ points }) => points >= SEEN).sort((a, b) => b.points - a.points);
  place.replaceChildren(
    element("h2", {}, `Your points in this round: ${signed(deltas[0]).replace(".0", "")}`),
    ...worst.map(({ taken, best, points }) => element("p", {}, `${actionText(taken)} instead of ${actionText(best)}: about ${points.toFixed(1)} points fewer, by what you knew.`)),
    worst.length ? null : element("p", {}, "No decision lost a measurable number of points, by what you knew."),
    element("button", { type: "button", id: "next", onclick: onNext }, next),
  );
}

/** Draw the score sheet. rounds: [{bids, won, deltas}]. scores: by seat. */
export function drawSheet(place, { rounds, scores }) {
  const rows = rounds.map(({ bids, won, deltas }, i) =>
    element("tr", {}, element("td", { class: "text" }, String(i + 1)), ...SEATS.map((_, seat) => element("td", {}, `${won[seat]}/${bids[seat]} `, element("b", {}, String(deltas[seat]))))),
  );
  const heads = ["round", ...SEATS].map((head, i) => element("th", { class: i ? "" : "text" }, head));
  const total = element("tr", {}, element("td", { class: "text" }, "total"), ...scores.map((score) => element("td", {}, element("b", {}, String(score)))));
  place.replaceChildren(element("h2", {}, "Tricks won / bid, and points"), element("table", {}, element("tr", {}, ...heads), ...rows, total));
}

/** Draw the plays of the round: [{seat, action}]; taken: by trick, the seat that took it, or -1. */
export function drawLog(place, { plays, taken }) {
  const rows = plays.map(({ seat, action }, i) =>
    element("tr", {}, element("td", { class: "text" }, i % 4 ? "" : String(1 + i / 4)), element("td", { class: "text" }, SEATS[seat]), element("td", { class: "text" }, faceOf(cardOf(action))[0]), element("td", { class: "text" }, i % 4 === 3 ? (taken[(i - 3) / 4] < 0 ? "nobody takes it" : `${SEATS[taken[(i - 3) / 4]]} took it`) : "")),
  );
  place.replaceChildren(element("h2", {}, "Plays"), element("div", { class: "scroll" }, element("table", {}, ...rows)));
  place.lastChild.scrollTop = place.lastChild.scrollHeight;
}
