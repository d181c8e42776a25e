// What is drawn of the auction and of the score in marks. No rules and no state of play here.

import { callText, MARKS_TO_WIN } from "./auction.mjs";
import { chanceOf } from "./bids.mjs";
import { SEATS, title } from "./drawing.mjs";
import { DECLARATIONS } from "./hand.mjs";
import { element, percent } from "./shared/elements.mjs";

const MARK = 42;

/** Return a table of the chances of all declarations, best first; the bids are its columns. */
function chanceTable(table, bids, button = (decl) => title(decl)) {
  const order = DECLARATIONS.map((_, decl) => decl);
  if (table) order.sort((a, b) => chanceOf(table, b, bids[0]) - chanceOf(table, a, bids[0]) || a - b);
  const rows = order.map((decl) =>
    element(
      "tr",
      {},
      element("td", { class: "text" }, button(decl)),
      ...bids.map((bid) => element("td", {}, table ? percent(chanceOf(table, decl, bid)) : "")),
    ),
  );
  const heads = bids.map((bid) => element("th", {}, table ? `makes ${callText(bid)}` : ""));
  return element("table", {}, element("tr", {}, element("th", { class: "text" }, "trump"), ...heads), ...rows);
}

const source = (table) =>
  element("p", { class: "dim" }, table ? `In ${table.n} deals of the hidden hands, played by a small network that sees one hand at a time.` : "");

/** Draw the calls so far and, on seat 0's turn, its choices. table: P(make) with the best call, or null. */
export function drawAuction(place, { auction, table, onCall }) {
  const calls = auction.calls.map((call, i) =>
    element("tr", {}, element("td", { class: "text" }, SEATS[auction.seatOf(i)]), element("td", { class: "text" }, callText(call))),
  );
  const isOn = Boolean(onCall);
  const best = isOn && table ? table.best : null;
  const buttons = !isOn ? [] : auction.legal.map((call) =>
    element("button", { type: "button", class: best?.call === call ? "advised" : "", "data-call": call, onclick: () => onCall(call) }, callText(call)),
  );
  const advice = best && `Advice: ${callText(best.call)}${best.decl === null ? "" : `, ${title(best.decl)}`}.`;
  const lowest = isOn ? auction.legal[1] : null;
  const nodes = [element("h2", {}, `Auction. ${SEATS[auction.dealer]} dealt.`), element("table", {}, ...calls)];
  if (isOn) {
    nodes.push(element("p", { class: "dim" }, "Your call: a bid in points, or marks for all 42 points."));
    nodes.push(element("div", { class: "calls" }, ...buttons));
    if (table) nodes.push(element("p", { id: "advice" }, advice), chanceTable(table, lowest < MARK ? [lowest, MARK] : [lowest]), source(table));
  }
  place.replaceChildren(...nodes);
}

/** Draw the choice of the declaration for a bid. table: P(make), or null. */
export function drawDeclarations(place, { bid, table, onChoose }) {
  const button = (decl) => element("button", { type: "button", "data-decl": DECLARATIONS[decl], onclick: () => onChoose(decl) }, title(decl));
  place.replaceChildren(element("h2", {}, `You bid ${callText(bid)}. Choose the trump.`), chanceTable(table, [bid], button), source(table));
}

/** Draw the marks of a game, and its hands so far: {bidder, bid, decl, points, isMade}. */
export function drawSheet(place, { marks, hands }) {
  const rows = hands.map((hand, i) =>
    element(
      "tr",
      {},
      element("td", { class: "text" }, String(i + 1)),
      element("td", { class: "text" }, hand ? `${SEATS[hand.bidder]} ${callText(hand.bid)}, ${title(hand.decl)}` : "all passed"),
      element("td", {}, hand ? `${hand.points[0]} to ${hand.points[1]}` : ""),
      element("td", { class: "text" }, hand ? (hand.isMade ? "made" : "set") : ""),
    ),
  );
  const won = marks.findIndex((own) => own >= MARKS_TO_WIN);
  const outcome = won === -1 ? "" : won === 0 ? "You have won." : "The opponents have won.";
  place.replaceChildren(
    element(
      "div",
      { class: "points" },
      element("span", {}, "Your marks ", element("b", { class: "us" }, String(marks[0]))),
      element("span", {}, "Opponents ", element("b", { class: "them" }, String(marks[1]))),
      element("span", {}, outcome),
    ),
    hands.length ? element("table", {}, ...rows) : element("p", { class: "dim" }, `Seven marks win the game.`),
  );
}
