"""Games in a browser: kernels compiled to WebAssembly, and a server for the page that uses them.

In reading order: exports (the description of what is compiled, and its version), compile (kernels to
object code), build (object code to a `.wasm` file), runtime (the files that run ONNX networks in a
browser), serve (the files of a page on loopback), pages (the page of a game, next to the files
in `shared/` that all pages load, and the page in `door/` that leads to all games). A game names its
exports and has its own page, as in `texas42/web/`.
"""
