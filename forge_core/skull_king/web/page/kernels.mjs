// The compiled kernels of forge_core (skull_king.wasm), with the network of model.safetensors: one game as a row.
// A call is name(result, error, ...addresses and numbers); see forge_core/web/exports.py.

const PAGE_BYTES = 65536;
const N_ACTIONS = 102;
const N_TRICKS = 11;

/** Return the tensors of a safetensors file by name, as Float32Array. */
function tensorsOf(file) {
  const length = Number(new DataView(file).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, length)));
  delete header.__metadata__;
  const data = 8 + length;
  return Object.fromEntries(
    Object.entries(header).map(([name, { data_offsets: [first, end] }]) => [name, new Float32Array(file.slice(data + first, data + end))]),
  );
}

export class Kernels {
  static async load() {
    const fetched = async (name) => (await fetch(new URL(name, import.meta.url))).arrayBuffer();
    const [code, network] = await Promise.all(["skull_king.wasm", "model.safetensors"].map(fetched));
    const { module, instance } = await WebAssembly.instantiate(code, {});
    const [section] = WebAssembly.Module.customSections(module, "forge");
    return new Kernels(instance.exports, JSON.parse(new TextDecoder().decode(section)), tensorsOf(network));
  }

  constructor(exports, origin, tensors) {
    Object.assign(this, { exports, layout: origin.layout, version: origin.version, memory: exports.memory, top: exports.__heap_base.value });
    [this.result, this.error] = [this.allocate(16), this.allocate(16)];
    this.row = this.allocate(8 * this.layout.width);
    this.listed = this.allocate(8 * this.layout.most_actions);
    this.scratch = this.allocate(this.layout.memory_bytes);
    this.weights = this.allocate(this.layout.weights_bytes);
    for (const [key, offset] of Object.entries(this.layout)) {
      if (!key.startsWith("tensor ")) continue;
      const tensor = tensors[key.slice("tensor ".length)];
      new Float32Array(this.memory.buffer, this.weights + offset, tensor.length).set(tensor);
    }
    this.sizes = [N_ACTIONS, N_ACTIONS, N_ACTIONS * N_TRICKS];
    this.sums = this.sizes.map((size) => this.allocate(8 * size));
  }

  allocate(size) {
    const address = (this.top + 63) & ~63;
    this.top = address + size;
    const missing = this.top - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE_BYTES));
    return address;
  }

  /** Call a kernel; return the number that it returns, if any. */
  call(name, ...args) {
    this.exports[name](this.result, this.error, ...args);
    return Number(new BigInt64Array(this.memory.buffer, this.result, 1)[0]);
  }

  /** The row of the game, to read from and to write to. */
  get columns() {
    return new BigInt64Array(this.memory.buffer, this.row, this.layout.width);
  }

  /** Return a column of the row by its name; place: within a block of eight. */
  column(name, place = 0) {
    return Number(this.columns[this.layout[name] + place]);
  }

  newGame(seed) {
    this.columns.fill(0n);
    this.call("new_game", this.row, BigInt(seed));
  }

  nextRound() {
    this.call("next_round", this.row);
  }

  /** Return the legal actions of the seat to act, ascending by kind. */
  legal() {
    const n = this.call("legal", this.row, this.listed);
    return Array.from(new BigInt64Array(this.memory.buffer, this.listed, n), Number);
  }

  /** Take an action; return true if it ended the round. */
  take(action) {
    return this.call("take", this.row, BigInt(action)) === 1;
  }

  /** Return the action of another player: one of the names of players by rules, or network. */
  choice(player, seed, time) {
    if (player === "network") return this.call("network_choice", this.row, this.weights, this.scratch);
    return this.call("bot_action", this.row, BigInt(this.layout[`bot ${player}`]), BigInt(seed), BigInt(time), this.listed);
  }

  /** Return what the legal actions are worth in worlds that fit what the actor knows: {action: {points, error}}. */
  values(seed, time, worlds) {
    this.sums.forEach((place, i) => new Float64Array(this.memory.buffer, place, this.sizes[i]).fill(0));
    this.call("values", this.row, BigInt(seed), BigInt(time), BigInt(worlds), ...this.sums);
    const [total, squares] = this.sums.map((place, i) => new Float64Array(this.memory.buffer, place, this.sizes[i]));
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
