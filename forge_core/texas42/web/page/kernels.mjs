// The compiled kernels of forge_core (texas42.wasm): their memory, and calls with typed arrays.
// A call is name(result, error, ...addresses and numbers); see forge_core/web/exports.py.

const PAGE_BYTES = 65536;
const ILLEGAL = -128;

export class Kernels {
  /** Fetch and compile texas42.wasm. */
  static async load() {
    const bytes = await (await fetch(new URL("texas42.wasm", import.meta.url))).arrayBuffer();
    const { module, instance } = await WebAssembly.instantiate(bytes, {});
    const [section] = WebAssembly.Module.customSections(module, "forge");
    return new Kernels(instance.exports, JSON.parse(new TextDecoder().decode(section)));
  }

  constructor(exports, origin) {
    this.exports = exports;
    this.layout = origin.layout;
    this.version = origin.version;
    this.memory = exports.memory;
    this.top = exports.__heap_base.value;
    this.result = this.allocate(16);
    this.error = this.allocate(16);
    this.search = 0; // address of the memory of the exact search, taken when it is first used
    this.base = this.top;
  }

  allocate(size) {
    const address = (this.top + 63) & ~63;
    this.top = address + size;
    const missing = this.top - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE_BYTES));
    return address;
  }

  put(array) {
    const address = this.allocate(array.byteLength);
    new Uint8Array(this.memory.buffer).set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), address);
    return address;
  }

  /** Return an address of `size` bytes that all hold `value`. */
  filled(size, value = 0) {
    const address = this.allocate(size);
    new Uint8Array(this.memory.buffer, address, size).fill(value);
    return address;
  }

  get(Type, address, length) {
    return new Type(this.memory.buffer.slice(address, address + length * Type.BYTES_PER_ELEMENT));
  }

  call(name, ...args) {
    this.exports[name](this.result, this.error, ...args);
  }

  /** Return the tables of the rules: ledSuit [10, 28], follows and rank [10, 8, 28], points [28]. */
  rules() {
    this.top = this.base;
    const sizes = [280, 2240, 2240, 28];
    const places = sizes.map((size) => this.allocate(size));
    this.call("rules", ...places);
    const [ledSuit, follows, rank, points] = places.map((place, i) => this.get(Int8Array, place, sizes[i]));
    return { ledSuit, follows, rank, points };
  }

  /** Return Q [n, 7] by slot in team 0's frame, -128 if illegal. deals: Int8Array [n, 4, 7]; states: BigInt64Array [n]. */
  rootQ(deals, decl, states) {
    if (!this.search) {
      this.top = this.base;
      this.search = this.filled(this.layout.search_bytes);
      this.base = this.top;
    }
    this.top = this.base;
    const n = states.length;
    const decls = new BigInt64Array(n).fill(BigInt(decl));
    const inputs = [deals, decls, states].map((array) => this.put(array));
    const q = this.filled(7 * n, ILLEGAL);
    this.call("root_q", this.search, ...inputs, q, n);
    const broken = this.get(BigInt64Array, this.result, 1)[0];
    if (broken !== -1n) throw new Error(`state ${states[Number(broken)]} cannot occur`);
    return this.get(Int8Array, q, 7 * n);
  }

  /**
   * Return the number of worlds, and a function from ranks (BigInt64Array [n]) to owners (Int8Array [n, u]).
   * allowed: Uint8Array [u], the hidden seats that may hold each unseen domino; need: what each of three holds.
   */
  worlds(allowed, need) {
    this.top = this.base;
    const { cells, side } = this.layout;
    const u = allowed.length;
    const seats = this.put(allowed);
    const ways = this.filled((u + 1) * cells * 4);
    this.call("count_worlds", seats, ways, u);
    const cell = side * (need[0] + 1) + need[1] + 1;
    const count = this.get(Int32Array, ways, cells)[cell];
    const root = this.put(BigInt64Array.of(BigInt(cell)));
    const unrank = (ranks) => {
      const owner = this.allocate(ranks.length * u);
      this.call("unrank_worlds", seats, root, ways, this.put(ranks), owner, u, ranks.length);
      return this.get(Int8Array, owner, ranks.length * u);
    };
    return { count, unrank };
  }
}
