// <vg-startup>: measures on the reader's own machine how long Python takes to start, to run, to run again and to stop,
// and fills in the column of the table that waits for it. web/startup.py presses the same button for the other column.
import { Interpreter, python } from "./python.js";

const RERUNS = 15;
const PATIENCE = 30_000; // ms for the second Python to stand by
const PROGRAM = `import vizgrad as vg

x = vg.TensorNode([[0.5, -1.0], [1.5, 2.0]])
for k in range(29):
    x = vg.tanh(x) if k % 2 else x * x
loss = x.sum()
loss.backward()
`;
const ENDLESS = "while True:\n    pass";

const now = () => performance.now();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const seconds = (from, to = now()) => (to - from) / 1000;

/** Starts an interpreter and runs the program: the seconds of each part, and of all. The interpreter is still there. */
async function start(program) {
  const began = now();
  const times = { downloading: began };
  const interpreter = new Interpreter(({ phase }) => (times[phase] ??= now()));
  await interpreter.ready;
  await interpreter.run({ source: program }, () => {});
  const ended = now();
  return {
    interpreter,
    download: seconds(began, times.starting),
    start: seconds(times.starting, times.loading),
    load: seconds(times.loading, times.ready),
    run: seconds(times.ready, ended),
    all: seconds(began, ended),
  };
}

/** Median of the times of several runs, each with its recording and its drawing, as the page gets them. */
async function rerun(interpreter) {
  const times = [];
  for (let k = 0; k < RERUNS; k += 1) {
    const began = now();
    await interpreter.run({ source: PROGRAM }, () => {});
    JSON.parse(interpreter.trace);
    times.push(seconds(began));
  }
  return times.sort((a, b) => a - b)[(RERUNS - 1) / 2];
}

/** From the press on Stop to a Python that waits for the next program. */
async function stop() {
  await python.run("1");
  const began = now();
  while (python.hasRoom && !python.standby && now() - began < PATIENCE) await sleep(100);
  const running = python.run(ENDLESS);
  await sleep(300);
  const pressed = now();
  python.stop();
  await running;
  while (python.phase !== "ready") await sleep(1);
  return seconds(pressed);
}

/** Measures everything, and tells each number when it is there. */
export async function measure(tell) {
  const cold = await start(PROGRAM);
  cold.interpreter.end();
  for (const part of ["download", "start", "load", "run", "all"]) tell(part, cold[part]);
  const warm = await start(PROGRAM);
  tell("warm", warm.all);
  tell("rerun", await rerun(warm.interpreter));
  warm.interpreter.end();
  tell("stop", await stop());
}

class StartUp extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("button");
    button.hidden = false;
    button.addEventListener("click", () => this.#measure(button));
  }

  async #measure(button) {
    if (python.busy) return this.#say("Python is running a program of another page: wait for it, or stop it there.");
    button.disabled = true;
    this.#say("Measuring: it takes some seconds …");
    try {
      await measure((name, time) => this.#show(name, time));
      this.#say("Done. The first start is a cold one only if this browser did not have the files yet.");
    } catch (error) {
      this.#say(`Python did not start: ${error.message}`);
    }
    button.disabled = false;
  }

  #show(name, time) {
    const cell = this.querySelector(`[data-time="${name}"]`);
    cell.dataset.seconds = time;
    cell.textContent = time < 1 ? `${Math.round(1000 * time)}\u00a0ms` : `${time.toFixed(2)}\u00a0s`;
  }

  #say(text) {
    this.querySelector("[role=status]").textContent = text;
  }
}

if (!customElements.get("vg-startup")) customElements.define("vg-startup", StartUp);
