// The compiled kernels of Skull King (skull_king.wasm), with the network of model.safetensors: one game as a row.

import { compile, Compiled, fetchFiles, tensorsOf } from "./shared/compiled.mjs";

const N_ACTIONS = 102;
const N_TRICKS = 11;

export class Kernels extends Compiled {
  static async load() {
    const [code, network] = await fetchFiles(import.meta.url, "skull_king.wasm", "model.safetensors");
    return new Kernels(await compile(code), tensorsOf(network));
  }

  constructor(compiled, tensors) {
    super(compiled);
    this.seats = 4n;
    this.row = this.filled(8 * this.layout.width);
    this.listed = this.allocate(8 * this.layout.most_actions);
    this.scratch = this.allocate(this.layout.memory_bytes);
    this.weights = this.allocate(this.layout.weights_bytes);
    this.putTensors(this.weights, tensors);
    this.sizes = [N_ACTIONS, N_ACTIONS, N_ACTIONS * N_TRICKS];
    this.sums = this.sizes.map((size) => this.allocate(8 * size));
  }

  /** The row of the game, to read from and to write to. */
  get columns() {
    return this.at(BigInt64Array, this.row, this.layout.width);
  }

  /** Return a column of the row by its name; place: within a block of eight. */
  column(name, place = 0) {
    return Number(this.columns[this.layout[name] + place]);
  }

  /** Deal the first round of a game at a table of 3 to 8 seats; later calls are about this table. */
  newGame(seats, seed) {
    this.seats = BigInt(seats);
    this.columns.fill(0n);
    this.call("new_game", this.row, this.seats, BigInt(seed));
  }

  nextRound() {
    this.call("next_round", this.row, this.seats);
  }

  /** Return the legal actions of the seat to act, ascending by kind. */
  legal() {
    const n = this.call("legal", this.row, this.seats, this.listed);
    return Array.from(this.at(BigInt64Array, this.listed, n), Number);
  }

  /** Take an action; return true if it ended the round. */
  take(action) {
    return this.call("take", this.row, this.seats, BigInt(action)) === 1;
  }

  /** Return the action of another player: one of the names of players by rules, or network at four seats. */
  choice(player, seed, time) {
    if (player === "network") return this.call("network_choice", this.row, this.weights, this.scratch);
    return this.call("bot_action", this.row, this.seats, BigInt(this.layout[`bot ${player}`]), BigInt(seed), BigInt(time), this.listed);
  }

  /** Return what the legal actions are worth in worlds that fit what the actor knows: {action: {points, error}}. */
  values(seed, time, worlds) {
    this.sums.forEach((place, i) => this.at(Float64Array, place, this.sizes[i]).fill(0));
    this.call("values", this.row, this.seats, BigInt(seed), BigInt(time), BigInt(worlds), ...this.sums);
    const [total, squares] = this.sums.map((place, i) => this.at(Float64Array, place, this.sizes[i]));
    const found = {};
    for (const action of this.legal()) {
      const points = total[action] / worlds;
      found[action] = { points, error: Math.sqrt(Math.max(0, squares[action] / worlds - points ** 2) / (worlds - 1)) };
    }
    return found;
  }

  /** Return the cards of a set in two columns, ascending. */
  cards(seat) {
    const [numbers, specials] = ["NUMBERS", "SPECIALS"].map((name) => this.columns[this.layout[name] + seat]);
    const found = [];
    for (let bit = 0n; bit < 56n; bit++) if ((numbers >> bit) & 1n) found.push(11 + Number(bit));
    for (let bit = 0n; bit < 18n; bit++) if ((specials >> bit) & 1n) found.push(bit < 10n ? Number(bit) + 1 : Number(bit) + 57);
    return found.sort((a, b) => a - b);
  }
}
