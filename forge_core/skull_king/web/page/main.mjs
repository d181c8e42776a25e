// The page: a game of ten rounds of Skull King. The rules, the players and the values of actions are kernels of
// forge_core. The link names the game: see link.mjs.

import { BID_0, actionText, cardOf } from "./cards.mjs";
import { drawBids, drawHint, drawLog, drawResult, drawSheet, drawTable, namesOf } from "./drawing.mjs";
import { Kernels } from "./kernels.mjs";
import { linkOf, parseLink, playersAt } from "./link.mjs";
import { $, connectHints, connectKeys, drawKeepingFocus, followAddress, namePlayer, ownNetworks, saveFile, say, stop } from "./shared/controls.mjs";
import { counted, signed } from "./shared/elements.mjs";
import { randomSeed } from "./shared/link.mjs";
import { ask } from "./shared/thinking.mjs";

const FORMAT = "forge skull-king game 1"; // of exported games: see forge_core/skull_king/web/games.py
const WORLDS = 400;
const N_ROUNDS = 10;
const [BID, PLAY] = [0, 2]; // phases of forge_core.skull_king.actions
const PAUSE = { act: 450, trick: 1100 }; // milliseconds

const page = {
  kernels: null,
  link: null, // the game that is played: see parseLink
  names: [], // of the seats
  run: 0, // a number that changes when another game is started
  isHinted: true,
  hints: null,
  onAct: null, // called with an action while it is asked for
  shown: null, // the cards of a trick that has just been completed
  actions: [], // of the game
  rounds: [], // {bids, won, deltas}
  plays: [], // of the round: {seat, action}
  taken: [], // by trick of the round, the seat that took it, or -1
  lastTrick: [], // of the round
  steps: [], // of the round: {row, actor, table, action} before each action, and the end
  lost: [], // what own decisions of the round lost
  result: null, // of a round that is over: see drawResult
};

const pause = (milliseconds) => new Promise((done) => setTimeout(done, page.link.pace * milliseconds));
const bySeat = (name) => page.names.map((_, seat) => page.kernels.column(name, seat));

const bestOf = (hints) => Number(Object.entries(hints).reduce((best, each) => (each[1].points > best[1].points ? each : best))[0]);

/** Draw the game as it is, or, after a round, as it was before one of its actions. */
function draw() {
  const { kernels, names, result, steps } = page;
  const scores = bySeat("SCORE");
  if (!result) return drawRow({ names, scores, table: page.shown ?? tableNow() });
  const { row, table, action } = steps[result.step];
  kernels.columns.set(row);
  drawRow({ names, scores, table, next: result.step < steps.length - 1 ? action : null });
  kernels.columns.set(steps.at(-1).row);
}

/** Draw the row of the kernels. next: the action that was taken next, in a round that is looked at again. */
function drawRow({ names, scores, table, next = null }) {
  const { kernels, onAct, result } = page;
  const [phase, actor, dealt] = ["PHASE", "ACTOR", "DEALT"].map((name) => kernels.column(name));
  const [bids, won] = [bySeat("BIDS"), bySeat("WON")];
  const isBidding = phase === BID;
  const legal = onAct ? kernels.legal() : [];
  const hints = page.isHinted ? page.hints : null;
  const best = hints ? bestOf(hints) : null;
  // The bids of the others stay hidden until all have bid.
  const seats = names.map((name, seat) => ({
    name,
    cards: kernels.cards(seat),
    bid: isBidding && ((seat && !result) || bids[seat] < 0) ? null : bids[seat],
    won: won[seat],
    isToMove: result ? next !== null && actor === seat : actor === seat,
  }));
  drawTable($("table"), { seats, table, isOpen: Boolean(result), next: next === null || next >= BID_0 ? null : cardOf(next), legal: isBidding ? [] : legal, hints: isBidding ? null : hints, best, onAct });
  if (result) drawResult($("panel"), { ...result, onStep: (by) => showStep(result.step + by), onSave: saveGame });
  else if (onAct && isBidding) drawBids($("panel"), { legal, hints, best, dealt, onAct });
  else drawHint($("panel"), hints ? WORLDS : 0);
  drawSheet($("sheet"), { names, rounds: page.rounds, scores });
  drawLog($("log"), { ...page, shown: result ? result.step - names.length : null, onShow: result && ((play) => showStep(names.length + play)) });
}

/** Show the finished round as it was before one of its actions, or at its end. */
function showStep(step) {
  const { result, steps, names } = page;
  if (!result || step < 0 || step >= steps.length) return;
  result.step = step;
  drawKeepingFocus(draw);
  const { actor, action } = steps[step];
  say(step < steps.length - 1 ? `Action ${step + 1} of ${steps.length - 1}: ${names[actor]}, ${actionText(action)}.` : "The end of the round.");
}

/** Return the cards on the table with their seats. */
function tableNow() {
  const n = page.kernels.column("IN_TRICK");
  return page.plays.slice(page.plays.length - n).map(({ seat }, i) => ({ seat, card: page.kernels.column("TABLE", i) }));
}

/** Return what is shown of the game before the next action: its row, and the trick, or the last one before a lead. */
function stepNow(last) {
  const { kernels } = page;
  const table = tableNow();
  return { row: kernels.columns.slice(), actor: kernels.column("ACTOR"), table: table.length ? table : last };
}

/** Take the action of the seat to act, and show the trick that it completes. */
async function act(action) {
  const { kernels } = page;
  const [seat, won] = [kernels.column("ACTOR"), bySeat("WON")];
  page.actions.push(action);
  page.steps.push({ ...stepNow(page.lastTrick), action });
  if (action >= BID_0) {
    if (kernels.take(action)) throw new Error("a bid has ended a round");
    return draw();
  }
  const before = tableNow();
  page.plays.push({ seat, action });
  const isOver = kernels.take(action);
  say(`${page.names[seat]}: ${actionText(action)}`);
  if (page.plays.length % page.names.length) return draw();
  const taker = bySeat("WON").findIndex((tricks, other) => tricks > won[other]);
  page.taken.push(taker);
  page.shown = page.lastTrick = [...before, { seat, card: cardOf(action) }].map((each) => ({ ...each, isBest: each.seat === taker }));
  draw();
  say(taker < 0 ? "Nobody takes the trick." : `${page.names[taker]} take${taker ? "s" : ""} the trick.`);
  await pause(PAUSE.trick);
  page.shown = null;
  if (isOver) page.rounds.push({ bids: bySeat("BIDS"), won: bySeat("WON"), deltas: bySeat("DELTA") });
}

/** Ask for an action of seat 0; its values are computed meanwhile, and kept for the end of the round. */
async function askYou(isStale) {
  const { kernels, link: { seats, seed } } = page;
  const legal = kernels.legal();
  page.hints = null;
  const asked = ask("values", { row: kernels.columns.slice(), seats, seed, time: page.actions.length, worlds: WORLDS });
  asked.then((hints) => {
    if (isStale() || !page.onAct) return;
    page.hints = hints;
    drawKeepingFocus(draw);
  }, stop);
  say(kernels.column("PHASE") === BID ? "Your bid." : "Your turn.");
  const taken = await new Promise((resolve) => {
    page.onAct = (action) => legal.includes(action) && resolve(action);
    draw();
  });
  page.onAct = null;
  page.lost.push(asked.then((hints) => ({ taken, best: bestOf(hints), points: hints[bestOf(hints)].points - hints[taken].points })));
  page.hints = null;
  return taken;
}

/** Play a game, unless another is started meanwhile. */
async function playGame() {
  const run = ++page.run;
  const isStale = () => run !== page.run;
  const { kernels, link: { seed, seats, others } } = page;
  Object.assign(page, { names: namesOf(seats), hints: null, onAct: null, shown: null });
  history.replaceState(null, "", linkOf(page.link));
  [$("seats").value, $("others").value] = [seats, others];
  for (const option of $("others").options) option.disabled = !playersAt(seats).includes(option.value);
  Object.assign(page, { actions: [], rounds: [] });
  startRound();
  kernels.newGame(seats, seed);
  while (!isStale()) {
    while ([BID, PLAY].includes(kernels.column("PHASE"))) {
      draw();
      const isOwn = kernels.column("ACTOR") === 0;
      const action = isOwn ? await askYou(isStale) : kernels.choice(others, seed, page.actions.length);
      if (isStale()) return;
      await act(action);
      if (!isOwn) await pause(PAUSE.act);
      if (isStale()) return;
    }
    const lost = await Promise.all(page.lost);
    if (isStale()) return;
    const isLast = kernels.column("ROUND") === N_ROUNDS;
    page.steps.push(stepNow(page.lastTrick));
    await new Promise((resolve) => {
      page.result = { step: page.steps.length - 1, deltas: bySeat("DELTA"), lost, next: isLast ? "New game" : "Next round", onNext: resolve };
      draw();
      say(isLast ? `The game is over: ${bySeat("SCORE").map((score, seat) => `${page.names[seat]} ${score}`).join(", ")}.` : `Round ${kernels.column("ROUND")} is over: you score ${counted(bySeat("DELTA")[0], "point")}.`);
    });
    if (isStale()) return;
    if (isLast) return startAnother();
    startRound();
    kernels.nextRound();
  }
}

const startRound = () => Object.assign(page, { plays: [], taken: [], steps: [], lastTrick: [], lost: [], result: null });

function start(link) {
  page.link = link;
  playGame().catch(stop);
}

const startAnother = () => start({ ...(page.link ?? parseLink("")), seed: randomSeed() });

/** Let other players take the seats, or change the number of seats: a game of the same deals begins. */
function changeTable() {
  if (!page.link) return;
  const seats = Number($("seats").value);
  const others = playersAt(seats).includes($("others").value) ? $("others").value : playersAt(seats).at(-1);
  start({ ...page.link, seats, others });
}

const toggleHints = connectHints((isOn) => {
  page.isHinted = isOn;
  if (page.link) draw();
});

/** Return the game so far as plain data. Once a round is over, `forge skull-king view` reads it. */
function record() {
  const { link: { seed, seats, others }, actions, rounds } = page;
  return { format: FORMAT, page: page.kernels.version, seed, seats, others, player: page.player, actions, rounds, isOver: page.result?.next === "New game" };
}

/** Offer the rounds that are over as a file. */
const saveGame = () => saveFile(`skull-king-seed-${page.link.seed}.json`, JSON.stringify(record()), "application/json");

$("new").onclick = startAnother;
$("seats").onchange = $("others").onchange = changeTable;
connectKeys((key) => {
  if (key === "h") toggleHints();
  else if (key === "n") startAnother();
  else if (key === "arrowleft" && page.result) showStep(page.result.step - 1);
  else if (key === "arrowright" && page.result) showStep(page.result.step + 1);
  else if (/^[0-9]$/.test(key) && page.onAct && page.kernels.column("PHASE") === BID) page.onAct(BID_0 + Number(key));
});

globalThis.skullKing = { record };
try {
  page.kernels = await Kernels.load();
  page.player = (await ownNetworks()).player;
  namePlayer($("others"), page.player);
  followAddress((hash) => start(parseLink(hash)), () => (page.run += 1));
} catch (error) {
  stop(error);
}
