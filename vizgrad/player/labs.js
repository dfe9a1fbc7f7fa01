// What is fetched only when a reader asks for it: what cells are made of, and the tools that compute. A page shows and
// steps its figures without them.
import { Cells } from "./cells.js";
import { edit } from "./edit.js";
import { goTo } from "./goto.js";
import { help } from "./help.js";
import { lens } from "./lens.js";
import { nudge } from "./nudge.js";
import { orderLab } from "./order.js";
import { predict } from "./predict.js";
import { takeaway } from "./takeaway.js";

export const labs = { Cells, edit, goTo, help, lens, nudge, orderLab, predict, takeaway };
