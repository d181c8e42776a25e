// The page: a game of ten rounds of Skull King at a table of four. The rules, the players and the values of actions
// are kernels of forge_core. Link: #seed=7 names the deals; &others=network the players; &pace=0 plays at once.

import { BID_0, actionText } from "./cards.mjs";
import { drawBids, drawHint, drawLog, drawResult, drawSheet, drawTable, SEATS } from "./drawing.mjs";
import { Kernels } from "./kernels.mjs";
import { $, connectHints, connectKeys, drawKeepingFocus, say, stop } from "./shared/controls.mjs";
import { signed } from "./shared/elements.mjs";
import { linkWith, oneOf, paceOf, randomSeed, readerOf } from "./shared/link.mjs";
import { ask } from "./shared/thinking.mjs";

const PLAYERS = ["easy", "medium", "hard", "captain", "network"];
const DEFAULTS = { others: "network", pace: 1 }; // of the link
const WORLDS = 400;
const N_ROUNDS = 10;
const [BID, PLAY] = [0, 2]; // phases of forge_core.skull_king.actions
const PAUSE = { act: 450, trick: 1100 }; // milliseconds

const page = { kernels: null, seed: "0", others: "network", pace: 1, run: 0, time: 0, isHinted: true, hints: null, onAct: null, plays: [], taken: [], rounds: [], lost: [], actions: [], result: null, shown: null };

const pause = (milliseconds) => new Promise((done) => setTimeout(done, page.pace * milliseconds));
const bySeat = (name) => SEATS.map((_, seat) => page.kernels.column(name, seat));

const bestOf = (hints) => Number(Object.entries(hints).reduce((best, each) => (each[1].points > best[1].points ? each : best))[0]);

function draw() {
  const { kernels, onAct, result } = page;
  const [phase, actor, dealt] = ["PHASE", "ACTOR", "DEALT"].map((name) => kernels.column(name));
  const [bids, won] = [bySeat("BIDS"), bySeat("WON")];
  const isBidding = phase === BID;
  const legal = onAct ? kernels.legal() : [];
  const hints = page.isHinted ? page.hints : null;
  const best = hints ? bestOf(hints) : null;
  // The bids of the others stay hidden until all have bid.
  const seats = SEATS.map((_, seat) => ({
    held: kernels.cards(seat).length,
    bid: isBidding && (seat || bids[seat] < 0) ? null : bids[seat],
    won: won[seat],
    isToMove: !result && actor === seat,
  }));
  drawTable($("table"), { seats, table: page.shown ?? tableNow(), own: kernels.cards(0), legal: isBidding ? [] : legal, hints: isBidding ? null : hints, best, onAct });
  if (result) drawResult($("panel"), result);
  else if (onAct && isBidding) drawBids($("panel"), { legal, hints, best, dealt, onAct });
  else drawHint($("panel"), hints ? WORLDS : 0);
  drawSheet($("sheet"), { rounds: page.rounds, scores: bySeat("SCORE") });
  drawLog($("log"), page);
}

/** Return the cards on the table with their seats. */
function tableNow() {
  const n = page.kernels.column("IN_TRICK");
  return page.plays.slice(page.plays.length - n).map(({ seat }, i) => ({ seat, card: page.kernels.column("TABLE", i) }));
}

/** Take the action of the seat to act, and show the trick that it completes. */
async function act(action) {
  const { kernels } = page;
  const [seat, won] = [kernels.column("ACTOR"), bySeat("WON")];
  page.actions.push(action);
  page.time += 1;
  if (action >= BID_0) {
    if (kernels.take(action)) throw new Error("a bid has ended a round");
    return draw();
  }
  const before = tableNow();
  page.plays.push({ seat, action });
  const isOver = kernels.take(action);
  say(`${SEATS[seat]}: ${actionText(action)}`);
  if (page.plays.length % SEATS.length) return draw();
  const taker = bySeat("WON").findIndex((tricks, other) => tricks > won[other]);
  page.taken.push(taker);
  const card = action === 74 ? 72 : action + 1;
  page.shown = [...before, { seat, card }].map((each) => ({ ...each, isBest: each.seat === taker }));
  draw();
  say(taker < 0 ? "Nobody takes the trick." : `${SEATS[taker]} take${taker ? "s" : ""} the trick.`);
  await pause(PAUSE.trick);
  page.shown = null;
  if (isOver) page.rounds.push({ bids: bySeat("BIDS"), won: bySeat("WON"), deltas: bySeat("DELTA") });
}

/** Ask for an action of seat 0; its values are computed meanwhile, and kept for the end of the round. */
async function askYou(isStale) {
  const { kernels } = page;
  const legal = kernels.legal();
  page.hints = null;
  const asked = ask("values", { row: kernels.columns.slice(), seed: page.seed, time: page.time, worlds: WORLDS });
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
  Object.assign(page, { time: 0, hints: null, onAct: null, plays: [], taken: [], rounds: [], lost: [], actions: [], result: null, shown: null });
  const { seed, others, pace } = page;
  history.replaceState(null, "", linkWith({ seed, others, pace }, DEFAULTS));
  $("others").value = page.others;
  const { kernels } = page;
  kernels.newGame(page.seed);
  while (!isStale()) {
    while ([BID, PLAY].includes(kernels.column("PHASE"))) {
      draw();
      const isOwn = kernels.column("ACTOR") === 0;
      const action = isOwn ? await askYou(isStale) : kernels.choice(page.others, page.seed, page.time);
      if (isStale()) return;
      await act(action);
      if (!isOwn) await pause(PAUSE.act);
      if (isStale()) return;
    }
    const lost = await Promise.all(page.lost);
    if (isStale()) return;
    const isLast = kernels.column("ROUND") === N_ROUNDS;
    await new Promise((resolve) => {
      page.result = { deltas: bySeat("DELTA"), lost, next: isLast ? "New game" : "Next round", onNext: resolve };
      draw();
      say(isLast ? `The game is over: ${bySeat("SCORE").map((score, seat) => `${SEATS[seat]} ${score}`).join(", ")}.` : `Round ${kernels.column("ROUND")} is over: ${signed(bySeat("DELTA")[0]).replace(".0", "")} points.`);
    });
    if (isStale()) return;
    if (isLast) return startAnother();
    Object.assign(page, { plays: [], taken: [], lost: [], result: null });
    kernels.nextRound();
  }
}

const start = () => playGame().catch(stop);

function startAnother() {
  page.seed = randomSeed();
  start();
}

function startFromAddress() {
  const read = readerOf(location.hash);
  try {
    page.seed = read("seed", (text) => (/^[0-9]{1,15}$/.test(text) ? text : undefined), randomSeed(), "a whole number of at most 15 digits");
    page.others = read("others", oneOf(PLAYERS), DEFAULTS.others, PLAYERS.join(", "));
    page.pace = paceOf(location.hash);
  } catch (error) {
    page.run += 1; // ends the game that was played
    return say(error.message);
  }
  start();
}

const toggleHints = connectHints((isOn) => {
  page.isHinted = isOn;
  if (page.kernels) draw();
});

/** Return the game so far as plain data: for tests. */
const record = () => ({ seed: page.seed, others: page.others, actions: page.actions, rounds: page.rounds, isOver: page.result?.next === "New game" });

$("new").onclick = startAnother;
$("others").onchange = () => {
  page.others = $("others").value;
  start();
};
addEventListener("hashchange", startFromAddress);
connectKeys((key) => {
  if (key === "h") toggleHints();
  else if (key === "n") startAnother();
  else if (/^[0-9]$/.test(key) && page.onAct && page.kernels.column("PHASE") === BID) page.onAct(BID_0 + Number(key));
});

globalThis.skullKing = { record };
try {
  page.kernels = await Kernels.load();
  startFromAddress();
} catch (error) {
  stop(error);
}
