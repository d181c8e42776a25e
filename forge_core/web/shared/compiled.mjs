// Compiled kernels of forge_core: their memory, and calls. A call is name(result, error, ...addresses and numbers);
// see forge_core/web/exports.py.

const PAGE_BYTES = 65536;

/** Return the contents of files as ArrayBuffers. base: the address of the module that names them. */
export function fetchFiles(base, ...names) {
  return Promise.all(names.map(async (name) => (await fetch(new URL(name, base))).arrayBuffer()));
}

/** Compile a WebAssembly file; return {exports, origin}. */
export async function compile(code) {
  const { module, instance } = await WebAssembly.instantiate(code, {});
  const [section] = WebAssembly.Module.customSections(module, "forge");
  return { exports: instance.exports, origin: JSON.parse(new TextDecoder().decode(section)) };
}

/** Return the tensors of a safetensors file by name, as Float32Array. */
export function tensorsOf(file) {
  const length = Number(new DataView(file).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, length)));
  delete header.__metadata__;
  const data = 8 + length;
  const tensors = Object.entries(header);
  return Object.fromEntries(
    tensors.map(([name, { data_offsets: [first, end] }]) => [name, new Float32Array(file.slice(data + first, data + end))]),
  );
}

export class Compiled {
  constructor({ exports, origin }) {
    Object.assign(this, { exports, layout: origin.layout, version: origin.version, memory: exports.memory });
    this.top = exports.__heap_base.value;
    [this.result, this.error] = [this.allocate(16), this.allocate(16)];
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

  /** Return a copy of the memory at an address. */
  get(Type, address, length) {
    return new Type(this.memory.buffer.slice(address, address + length * Type.BYTES_PER_ELEMENT));
  }

  /** Return the memory at an address, to read from and to write to, until more is allocated. */
  at(Type, address, length) {
    return new Type(this.memory.buffer, address, length);
  }

  /** Write tensors to a record of weights. The layout has the place of each, as `tensor NAME`. */
  putTensors(address, tensors) {
    for (const [key, offset] of Object.entries(this.layout)) {
      if (!key.startsWith("tensor ")) continue;
      const tensor = tensors[key.slice("tensor ".length)];
      this.at(Float32Array, address + offset, tensor.length).set(tensor);
    }
  }

  /** Call a kernel; return the whole number that it returns, if any. */
  call(name, ...args) {
    this.exports[name](this.result, this.error, ...args);
    return Number(this.at(BigInt64Array, this.result, 1)[0]);
  }
}
