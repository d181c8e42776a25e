// The page: a game to seven marks. Each hand is dealt, bid, played and looked at again; three players answer.
// The link names the hand: see link.mjs.

import { Auction, callText, isMade, MARKS_TO_WIN, PASS, scoreAfter } from "./auction.mjs";
import { dealFromSeed } from "./deals.mjs";
import { drawAbout, drawHint, drawLog, drawResult, drawScore, drawTable, ownHand, SEATS } from "./drawing.mjs";
import { drawAuction, drawDeclarations, drawSheet } from "./drawing_auction.mjs";
import { EXACT_WORLDS, mix } from "./estimate.mjs";
import { Hand, nameOf, Rules } from "./hand.mjs";
import { Kernels } from "./kernels.mjs";
import { anotherGame, linkOf, nextHand, parseLink } from "./link.mjs";
import { $, connectHints, connectKeys, drawKeepingFocus, followAddress, namePlayer, ownNetworks, saveFile, say, stop } from "./shared/controls.mjs";
import { ask } from "./shared/thinking.mjs";

const PRACTICE_BID = 30; // of a hand whose trump the link names
const TABLE_DEALS = 200; // per declaration
const TABLE_STREAM = 100; // number of the draws of a hand's table; those of plays are 0..27
const FORMAT = "forge texas42 hand 1";
const PAUSE = { call: 500, play: 450, trick: 900 }; // milliseconds

const page = {
  rules: null,
  version: null,
  link: null, // the hand that is played: see parseLink
  sheet: [], // the hands of the game before it
  run: 0, // a number that changes when another hand is started
  hand: null,
  auction: null, // null in practice
  table: null, // P(make) of seat 0's hand
  network: null, // {name, lineage} of the user's own network
  estimates: [], // promises by play; exact estimates
  opinions: [], // promises by play of seat 0; what the network expects
  opinion: null,
  hint: null,
  review: null,
  isHinted: true,
  isQuick: false, // true while seat 0's plays are made for it
  onCall: null, // called with a call, while it is asked for; the same for the next two
  onTrump: null,
  onPlay: null,
};

const pause = (milliseconds) => new Promise((done) => setTimeout(done, page.isQuick ? 0 : page.link.pace * milliseconds));

/** Return the key of the draws of one decision, as forge_core.texas42.eq.generate.decide makes it from the key `seed`. */
const keyOf = (step) => String(mix(mix(BigInt(page.link.seed) & ((1n << 64n) - 1n), step), 0));

/** Return a promise of the argument with which `page[name]` is called while it is asked for. */
function answerTo(name, isLegal = () => true) {
  return new Promise((resolve) => {
    page[name] = (answer) => {
      if (!isLegal(answer)) return;
      page[name] = null;
      resolve(answer);
    };
    draw();
  });
}

function draw() {
  const { hand, auction, review, link } = page;
  const shown = review ? hand.at(review.step) : hand;
  const isPlayed = !auction || (auction.isOver && !page.onTrump);
  const hint = page.isHinted && page.onPlay ? page.hint : null;
  const own = review ? null : ownHand(hand, { isOn: Boolean(page.onPlay), hint, onPlay: (domino) => page.onPlay?.(domino) });
  const next = review && !shown.isOver ? hand.plays[review.step] : null;
  drawTable($("table"), { hand: shown, isOpen: Boolean(review), own, next, isPlayed, dealer: auction ? auction.dealer : null });
  if (auction) drawSheet($("sheet"), { marks: review ? review.marks : link.marks, hands: review ? [...page.sheet, review.entry] : page.sheet });
  else $("sheet").replaceChildren();
  if (!isPlayed) {
    const table = page.isHinted ? page.table : null;
    if (page.onTrump) drawDeclarations($("panel"), { bid: auction.high, table, onChoose: page.onTrump });
    else drawAuction($("panel"), { auction, table, onCall: page.onCall });
    $("score").replaceChildren();
    $("log").replaceChildren();
    return;
  }
  const isDecided = isMade(hand) !== null && !review && !page.isQuick;
  drawScore($("score"), shown, isDecided ? finishQuickly : null);
  if (review) drawResult($("panel"), { hand, ...review, onNext: goOn, onStep: (by) => show(review.step + by), onSave: saveRecord });
  else drawHint($("panel"), hint, hand.bidder % 2 === 0, hint && page.opinion && { ...page.opinion, name: page.network.name, hand: hand.deal[0] });
  drawLog($("log"), { hand, costs: review?.costs ?? null, shown: review?.step, onShow: show });
}

/** Show the finished hand as it was after some plays. */
function show(step) {
  const { hand, review } = page;
  if (!review || step < 0 || step > hand.step) return;
  review.step = step;
  draw();
  const [seat, domino] = [hand.players[step], hand.plays[step]];
  say(step < hand.step ? `Play ${step + 1} of ${hand.step}: ${SEATS[seat]}, ${nameOf(domino)}` : "The end of the hand, all hands face up.");
}

/** Deal, bid, play and review the hand that page.link names, unless another is started meanwhile. */
async function playHand() {
  const run = ++page.run;
  const isStale = () => run !== page.run;
  const { seed, decl, dealer } = page.link;
  Object.assign(page, { auction: null, table: null, estimates: [], opinions: [], hint: null, opinion: null, review: null, isQuick: false, onCall: null, onTrump: null, onPlay: null });
  history.replaceState(null, "", linkOf(page.link));
  $("opponents").value = page.link.opponents;
  const deal = dealFromSeed(seed);
  let contract = { decl, bid: PRACTICE_BID, bidder: 0 };
  if (decl === null) {
    page.hand = new Hand(page.rules, deal, 9, PRACTICE_BID, 0); // for drawing, before the contract is known
    page.auction = new Auction(dealer);
    contract = await holdAuction(deal, isStale);
    if (isStale()) return;
    if (!contract) return dealAgain(isStale);
  }
  page.hand = new Hand(page.rules, deal, contract.decl, contract.bid, contract.bidder);
  const { hand } = page;
  while (!hand.isOver) {
    const domino = hand.turn === 0 ? await ownPlay(isStale) : await opponentsPlay();
    if (isStale()) return;
    say(`${SEATS[hand.turn]}: ${nameOf(domino)}`);
    hand.play(domino);
    draw();
    await pause(hand.step % 4 ? PAUSE.play : PAUSE.trick);
    if (isStale()) return;
  }
  await reviewHand(isStale);
}

/** Return {decl, bid, bidder} of the auction, or null if all passed. */
async function holdAuction(deal, isStale) {
  const { auction, link } = page;
  while (!auction.isOver) {
    const seat = auction.turn;
    const marks = seat % 2 ? [link.marks[1], link.marks[0]] : link.marks;
    const situation = { calls: auction.calls.slice(), marks };
    if (seat === 0) {
      say(`Deal ${link.seed}. Your call.`);
      lookAtHand(deal[0], situation, isStale);
      auction.call(await answerTo("onCall", (call) => auction.legal.includes(call)));
    } else {
      draw();
      const { call, decl } = await ask("call", { hand: deal[seat], situation });
      if (isStale()) return null;
      auction.call(call, decl);
      say(`${SEATS[seat]}: ${callText(call)}`);
    }
    draw();
    await pause(PAUSE.call);
    if (isStale()) return null;
  }
  const [bid, bidder] = [auction.high, auction.bidder];
  if (bid === PASS) return null;
  if (bidder === 0) {
    say(`You bid ${callText(bid)}. Choose the trump.`);
    auction.decl = await answerTo("onTrump");
  }
  return { decl: auction.decl, bid, bidder };
}

/** Fill page.table with P(make) of seat 0's hand, as far as it is known. */
async function lookAtHand(hand, situation, isStale) {
  const report = (found) => {
    if (isStale() || page.hand.step) return;
    page.table = found;
    if (page.isHinted && (page.onCall || page.onTrump)) drawKeepingFocus(draw);
  };
  try {
    report(await ask("table", { hand, key: keyOf(TABLE_STREAM), deals: TABLE_DEALS, situation }, report));
  } catch (error) {
    stop(error);
  }
}

/** All have passed: the next seat deals, at the same score. */
async function dealAgain(isStale) {
  say("All have passed: the next seat deals.");
  await pause(3 * PAUSE.call);
  if (isStale()) return;
  page.sheet.push(null);
  startHand(nextHand(page.link, page.link.marks));
}

/** Ask for a play of seat 0. Its estimate is made in any case, since the costs at the end need it. */
async function ownPlay(isStale) {
  const { hand } = page;
  const step = hand.step;
  page.hint = page.opinion = null;
  const args = { view: hand.view(), worlds: Number($("worlds").value), key: keyOf(step) };
  page.estimates[step] = ask("estimate", args, (found) => {
    if (isStale() || hand.step !== step || !page.onPlay) return;
    page.hint = found;
    if (page.isHinted) drawKeepingFocus(draw);
  });
  if (page.network) {
    page.opinions[step] = ask("network", args);
    page.opinions[step].then((found) => {
      if (isStale() || hand.step !== step || !page.onPlay) return;
      page.opinion = found;
      if (page.isHinted) drawKeepingFocus(draw);
    }, stop);
  }
  if (page.isQuick) return bestOf(hand);
  say(hand.legal.length > 1 ? "Your turn." : "Your turn: only one domino may be played.");
  const domino = await answerTo("onPlay", (chosen) => hand.legal.includes(chosen));
  page.hint = page.opinion = null;
  return domino;
}

/** Return the best play of the seat to move, by its estimate. */
async function bestOf(hand) {
  const { best } = await page.estimates[hand.step];
  return hand.deal[hand.turn][best];
}

/** Play the rest of a decided hand without pauses, seat 0 by the hints. */
function finishQuickly() {
  page.isQuick = true;
  const best = page.onPlay && page.estimates[page.hand.step];
  if (best) best.then(({ best: slot }) => page.onPlay?.(page.hand.deal[0][slot]));
  draw();
}

/** Estimate the plays of a position exactly, as the other seats do on the level `exact`. */
const estimateOf = (hand) => ask("estimate", { view: hand.view(), worlds: EXACT_WORLDS, key: keyOf(hand.step) });

async function opponentsPlay() {
  const { hand } = page;
  const { opponents: level } = page.link;
  draw();
  if (hand.legal.length === 1) return hand.legal[0];
  if (level === "exact") {
    page.estimates[hand.step] = estimateOf(hand);
    return bestOf(hand);
  }
  const slot = await ask("play", { view: hand.view(), level, key: keyOf(hand.step) });
  return hand.deal[hand.turn][slot];
}

/** Turn all hands face up and show what each play cost, by what its seat knew and with all hands seen. */
async function reviewHand(isStale) {
  const { hand, link, auction } = page;
  say("Comparing every play with the best one ...");
  const positions = hand.plays.map((_, step) => hand.at(step));
  const values = await ask("values", { deal: hand.deal, views: positions.map((position) => position.view()) });
  const estimates = await Promise.all(hand.plays.map((_, step) => page.estimates[step] ?? estimateOf(positions[step])));
  if (isStale()) return;
  const lost = (worth, slot) => Math.max(...worth.filter((value) => !Number.isNaN(value))) - worth[slot];
  const costs = hand.plays.map((domino, step) => {
    const slot = hand.deal[hand.players[step]].indexOf(domino);
    return { known: lost(estimates[step].mean, slot), seen: lost(values[step], slot) };
  });
  const totals = SEATS.map((_, seat) => {
    const own = costs.filter((_, step) => hand.players[step] === seat);
    return { known: own.reduce((sum, cost) => sum + cost.known, 0), seen: own.reduce((sum, cost) => sum + cost.seen, 0) };
  });
  const opinions = await Promise.all(page.opinions);
  const lostByNetwork = opinions.reduce((sum, found, step) => (found ? sum + lost(estimates[step].mean, found.best) : sum), 0);
  const best = Math.max(...values[0].filter((value) => !Number.isNaN(value))) * (hand.bidder % 2 ? -1 : 1);
  const marks = auction ? scoreAfter(link.marks, hand) : null;
  const isOver = !auction || Math.max(...marks) >= MARKS_TO_WIN;
  const { bidder, bid, decl, points } = hand;
  const entry = { bidder, bid, decl, points, isMade: isMade(hand) };
  page.review = { step: hand.step, costs, totals, perfect: (42 + best) / 2, values, estimates, marks, isOver, entry, next: isOver ? "New game" : "Next hand", network: page.network && { ...page.network, lost: lostByNetwork } };
  show(hand.step);
}

/** Return the finished hand as plain data, or null. `forge view` reads it: see forge_core/texas42/web/hands.py. */
function record() {
  const { hand, review, auction, link } = page;
  if (!review) return null;
  const { deal, decl, bid, bidder, plays, players, points } = hand;
  const plain = (numbers) => numbers.map((value) => (Number.isNaN(value) ? null : value));
  const estimates = review.estimates.map((found) => (
    { ...found, mean: plain(found.mean), spread: plain(found.spread), pMake: plain(found.pMake) }
  ));
  const [values, costs] = [review.values.map(plain), review.costs];
  const bidding = auction && { dealer: auction.dealer, calls: auction.calls, marks: link.marks, marksAfter: review.marks };
  return { format: FORMAT, page: page.version, opponents: link.opponents, player: page.player, seed: link.seed, deal, decl, bid, bidder, auction: bidding, plays, players, points, estimates, values, costs };
}

/** Offer the finished hand as a file. */
function saveRecord() {
  saveFile(`texas42-seed-${page.link.seed}.json`, JSON.stringify(record()), "application/json");
}

function startHand(link) {
  page.link = link;
  playHand().catch(stop);
}

/** Start the game, or the single hand, that a link names. */
function startFromLink(hash) {
  const link = parseLink(hash);
  page.sheet = [];
  startHand(link);
}

/** Go on after a hand: with the next one of the game, or with another game. */
function goOn() {
  const { review, link } = page;
  if (review.isOver) return startAnotherGame();
  page.sheet.push(review.entry);
  startHand(nextHand(link, review.marks));
}

function startAnotherGame() {
  page.sheet = [];
  startHand(anotherGame(page.link ?? parseLink("")));
}

const toggleHints = connectHints((isOn) => {
  page.isHinted = isOn;
  if (page.hand) draw();
});

/** Let other players take the seats: the same hand begins again. */
function changeOpponents() {
  if (page.link) startHand({ ...page.link, opponents: $("opponents").value });
}

$("new").onclick = startAnotherGame;
$("again").onclick = () => page.link && startHand(page.link);
$("opponents").onchange = changeOpponents;
connectKeys((key) => {
  if (key === "h") toggleHints();
  else if (key === "n") startAnotherGame();
  else if (key === "p") page.onCall?.(PASS);
  else if (/^[1-7]$/.test(key)) page.onPlay?.(page.hand.deal[0][Number(key) - 1]);
  else if (key === "arrowleft" && page.review) show(page.review.step - 1);
  else if (key === "arrowright" && page.review) show(page.review.step + 1);
});

globalThis.texas42 = { record, ask, readyMs: 0 };
try {
  const kernels = await Kernels.load();
  const { network = null, player } = await ownNetworks();
  Object.assign(page, { rules: new Rules(kernels.rules()), version: kernels.version, network, player });
  namePlayer($("opponents"), player);
  drawAbout($("about"), network);
  globalThis.texas42.readyMs = performance.now(); // since the page was asked for
  followAddress(startFromLink, () => (page.run += 1));
} catch (error) {
  stop(error);
}
