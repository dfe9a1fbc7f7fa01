// Compiles the Python modules that every session imports, so that a reader's browser does not have to: it halves
// the start of Pyodide. Runs inside Pyodide itself, where the bytecode is always of the right version.
// Usage: node precompile.mjs FOLDER ARCHIVE...: the folder holds wheels, python_stdlib.zip and runner.py; the named ones
// are rewritten in place.
import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { loadPyodide } from "pyodide";

// Node would quote the line that failed: all of Pyodide is one line.
process.on("uncaughtException", (error) => {
  console.error(error.message);
  process.exit(1);
});

const [folder, ...archives] = process.argv.slice(2);
// Sets and their like must come out in the same order each time.
const python = await loadPyodide({ env: { PYTHONHASHSEED: "0" } });
for (const wheel of readdirSync(folder).filter((name) => name.endsWith(".whl"))) {
  const bytes = new Uint8Array(readFileSync(join(folder, wheel)));
  python.unpackArchive(bytes, "wheel", { extractDir: "/lib/python3.12/site-packages" });
}
python.mountNodeFS("/bundle", resolve(folder));
python.globals.set("archives", python.toPy(archives));
python.runPython(readFileSync(new URL("./precompile.py", import.meta.url), "utf8"));
