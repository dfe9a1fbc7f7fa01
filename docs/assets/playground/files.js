// A program as a file to keep, for Python or for Jupyter: its name, type and text.

export function pythonFile(source) {
  return ["program.py", "text/x-python", `${source.trimEnd()}\n`];
}

/** A notebook of version 4.5: a note, and a cell with the program. `link` leads back to the playground. */
export function notebookFile(source, link) {
  const note =
    `Made in the [vizgrad playground](${link}).\n\n` +
    "The program needs vizgrad in the Python that runs this notebook. To step through it here, put what is to be shown " +
    "into a block that begins with `with vg.record() as trace:`, and end the cell with a line that says `trace`.";
  const cells = [
    { cell_type: "markdown", id: "note", metadata: {}, source: lines(note) },
    { cell_type: "code", id: "program", metadata: {}, execution_count: null, outputs: [], source: lines(source.trimEnd()) },
  ];
  const kernelspec = { display_name: "Python 3", language: "python", name: "python3" };
  const notebook = { cells, metadata: { kernelspec, language_info: { name: "python" } }, nbformat: 4, nbformat_minor: 5 };
  return ["program.ipynb", "application/x-ipynb+json", `${JSON.stringify(notebook, null, 1)}\n`];
}

/** A notebook keeps each line with its end. */
function lines(text) {
  return text.split(/(?<=\n)/);
}
