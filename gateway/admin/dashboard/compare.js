// compare: two JSON answers side by side: which line belongs to which pointer, which lines face each
// other, and what differs.  The texts may be cut anywhere.
"use strict";

const COMPARE_CELLS_MAX = 4e6;  // of the table below; above it lines face each other as they come
const COMPARE_LINES_MAX = 2000; // shown of an answer
const COMPARE_DEPTH_MAX = 128;  // deeper values have no pointers: nobody reads them, and they cost the most

// [{ text, pointers, closes, key }]: for each line the pointers of the values that begin on it (innermost
// last) and of the one that ends there, with the names that they have in this text.  Reads any indented
// JSON, whole or not.
function jsonLines(text) {
  const lines = text.split("\n", COMPARE_LINES_MAX).map((line) => ({ text: line, pointers: [], closes: null, key: "" }));
  const stack = []; // { isArray, index, key, prefix: the container's own pointer }
  let line = 0, i = 0, wantsValue = true;
  const pointer = () => {
    const top = stack[stack.length - 1];
    return !top ? "" : top.prefix + "/" + (top.isArray ? top.index
      : String(top.key).replace(/~/g, "~0").replace(/\//g, "~1"));
  };
  const begin = () => { if (stack.length <= COMPARE_DEPTH_MAX) lines[line].pointers.push(pointer()); };
  while (i < text.length) {
    const c = text[i], top = stack[stack.length - 1];
    if (c === "\n") {
      if (++line === lines.length) return [...lines, { text: "… more lines", pointers: [], closes: null, key: "" }];
      i++;
      continue;
    }
    if (c === "\"") {
      let end = i + 1;
      while (end < text.length && text[end] !== "\"" && text[end] !== "\n") end += text[end] === "\\" ? 2 : 1;
      const string = text.slice(i, end + 1);
      if (top && !top.isArray && !wantsValue) {
        try { top.key = JSON.parse(string); } catch { top.key = string; }
        if (!lines[line].key) lines[line].key = top.key;
      } else {
        begin();
        wantsValue = Boolean(top && top.isArray);
      }
      i = end + 1;
      continue;
    }
    if (c === ":") wantsValue = true;
    else if (c === "{" || c === "[") {
      begin();
      stack.push({ isArray: c === "[", index: 0, key: "", prefix: stack.length <= COMPARE_DEPTH_MAX ? pointer() : "" });
      wantsValue = c === "[";
    } else if (c === "}" || c === "]") {
      stack.pop();
      if (stack.length <= COMPARE_DEPTH_MAX) lines[line].closes = pointer();
      wantsValue = false;
    } else if (c === ",") {
      if (top && top.isArray) { top.index++; wantsValue = true; } else wantsValue = false;
    } else if (!/\s/.test(c)) {
      begin();
      while (i + 1 < text.length && !/[\s,\]}]/.test(text[i + 1])) i++;
      wantsValue = false;
    }
    i++;
  }
  return lines;
}

// userId, user_id and UserID are one name.
const bare = (text) => text.replace(/_/g, "").toLowerCase();

// [[left line or null, right line or null]]: the alignment with the most equal lines, then the most equal keys.
function compareAlign(left, right) {
  const n = left.length, m = right.length;
  const rows = [];
  if (n * m > COMPARE_CELLS_MAX) {
    for (let i = 0; i < Math.max(n, m); i++) rows.push([left[i] || null, right[i] || null]);
    return rows;
  }
  const same = (line) => line.text.trim().replace(/,$/, "");
  const l = left.map(same), r = right.map(same);
  const lk = left.map((line) => bare(line.key)), rk = right.map((line) => bare(line.key));
  const width = m + 1, best = new Int32Array((n + 1) * width);
  const score = (i, j) => l[i] === r[j] ? 6 : lk[i] && lk[i] === rk[j] ? 5 : !lk[i] && !rk[j] ? 1 : -1;
  for (let i = n - 1; i >= 0; i--)
    for (let j = m - 1; j >= 0; j--)
      best[i * width + j] = Math.max(best[(i + 1) * width + j + 1] + score(i, j),
        best[(i + 1) * width + j], best[i * width + j + 1]);
  let i = 0, j = 0;
  while (i < n && j < m) {
    const here = best[i * width + j];
    if (here === best[(i + 1) * width + j + 1] + score(i, j)) rows.push([left[i++], right[j++]]);
    else if (here === best[(i + 1) * width + j]) rows.push([left[i++], null]);
    else rows.push([null, right[j++]]);
  }
  while (i < n) rows.push([left[i++], null]);
  while (j < m) rows.push([null, right[j++]]);
  return rows;
}

// line -> { difference, isFirst } or null: the difference whose value the line shows, or a part of it.
// A pattern's * stands for any index or key.
function compareFinder(differences) {
  const exact = new Map(), patterns = [];
  for (const difference of differences) {
    const key = bare(String(difference.pointer)), parts = key.split("/");
    if (parts.includes("*")) patterns.push({ parts, difference });
    else exact.set(key, difference);
  }
  const at = (parts) => {
    const hit = exact.get(parts.join("/"));
    if (hit) return hit;
    const found = patterns.find((p) => p.parts.length === parts.length
      && p.parts.every((part, i) => part === "*" || part === parts[i]));
    return found ? found.difference : null;
  };
  return (line) => {
    if (!line) return null;
    for (const pointer of line.pointers) {
      const found = at(bare(pointer).split("/"));
      if (found) return { difference: found, isFirst: true };
    }
    const inner = line.pointers.length ? line.pointers[line.pointers.length - 1] : line.closes;
    if (inner === null) return null;
    const parts = bare(inner).split("/");
    for (let n = parts.length - (line.pointers.length ? 1 : 0); n > 0; n--) {
      const found = at(parts.slice(0, n));
      if (found) return { difference: found, isFirst: false };
    }
    return null;
  };
}

// "  "name": value," as nodes: the key quiet, what is not in the other line marked.
function lineNodes(line, other) {
  if (!other || line.text === other.text) return [line.text];
  if (line.text.endsWith(",") !== other.text.endsWith(",")) { // of the last member, which is no difference
    const without = (l) => ({ ...l, text: l.text.replace(/,$/, "") });
    return [...lineNodes(without(line), without(other)), line.text.endsWith(",") ? "," : ""].filter((part) => part !== "");
  }
  const text = line.text, most = Math.min(text.length, other.text.length);
  let head = 0, tail = 0;
  // Of a member whose name is the same but for its spelling, the value is looked at.
  const value = (l) => l.text.indexOf("\": ") + 1;
  if (line.key && bare(line.key) === bare(other.key) && value(line) > 0 && value(other) > 0) {
    const mine = value(line), theirs = value(other);
    if (text.slice(mine) !== other.text.slice(theirs)) return [text.slice(0, mine), ...lineNodes({ text: text.slice(mine) }, { text: other.text.slice(theirs) })];
  }
  while (head < most && text[head] === other.text[head]) head++;
  while (tail < most - head && text[text.length - 1 - tail] === other.text[other.text.length - 1 - tail]) tail++;
  const middle = text.slice(head, text.length - tail);
  return [text.slice(0, head), middle ? h("mark", { text: middle }) : null, text.slice(text.length - tail)]
    .filter((part) => part !== null && part !== "");
}

// Both answers of a pair, as one element.
function compareNode(pair) {
  const legacy = pair.legacy || {}, grpc = pair.grpc || {}, differences = pair.differences || [];
  const body = (side) => jsonLines(typeof side.body === "string" ? side.body : "");
  const rows = compareAlign(body(legacy), body(grpc));
  const find = compareFinder(differences);
  const sides = { legacy: h("div", { class: "code", role: "group", tabindex: "0", "aria-label": "Legacy's answer" }),
    grpc: h("div", { class: "code", role: "group", tabindex: "0", "aria-label": "gRPC's answer" }) };
  const number = { legacy: 0, grpc: 0 };
  for (const [left, right] of rows) {
    const found = find(left) || find(right);
    const differs = !left || !right || left.text.trim().replace(/,$/, "") !== right.text.trim().replace(/,$/, "");
    const mark = found ? " differs" : differs ? " other" : "";
    for (const [side, line, other] of [["legacy", left, right], ["grpc", right, left]]) {
      const row = h("div", { class: "line-row" + (line ? mark : " blank" + mark) },
        h("span", { class: "line-no", text: line ? String(++number[side]) : "" }),
        h("code", {}, ...(line ? lineNodes(line, mark ? other : null) : [""])));
      if (found && found.isFirst && line && (side === "legacy" || !left)) row.append(kindNode(found.difference.kind));
      sides[side].append(row);
    }
  }
  const statusDiffers = legacy.status !== grpc.status;
  const column = (side, answer) => h("div", { class: "answer " + side }, h("div", { class: "answer-head" },
    h("i", { class: "key" }), h("b", { text: SIDE_NAMES[side] }),
    h("span", { class: "status" + (statusDiffers ? " differs" : ""), text: String(answer.status ?? "–") })), sides[side]);
  // What has no line of its own: headers, and the status.
  const others = differences.filter((d) => !String(d.pointer).startsWith("/"));
  followScroll(sides.legacy, sides.grpc);
  return h("div", { class: "compare" }, h("div", { class: "answers" }, column("legacy", legacy), column("grpc", grpc)),
    others.length ? h("p", { class: "hint" }, "Outside the body: ", ...others.flatMap((d) =>
      [h("code", { text: String(d.pointer) }), " ", kindNode(d.kind), " "])) : null);
}

function followScroll(a, b) {
  let leader = null;
  const follow = (from, to) => from.addEventListener("scroll", () => {
    if (leader && leader !== from) return;
    leader = from;
    to.scrollTop = from.scrollTop;
    to.scrollLeft = from.scrollLeft;
    requestAnimationFrame(() => { leader = null; });
  });
  follow(a, b);
  follow(b, a);
}

const KINDS = ["value", "missing", "extra", "type", "representation", "default", "order"];
const KIND_MEANINGS = {
  value: "another value", missing: "legacy has it, gRPC has not", extra: "gRPC has it, legacy has not",
  type: "another JSON type", representation: "the same value written otherwise",
  default: "absent against its default value", order: "the same elements in another order",
};
const kindNode = (kind) => h("span", { class: "kind " + (KINDS.includes(kind) ? "k-" + kind : "k-unknown"),
  title: KINDS.includes(kind) ? KIND_MEANINGS[kind] : null, text: String(kind) });
