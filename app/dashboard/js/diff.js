// What differs between two texts, line by line.

const CELLS_MAX = 4_000_000;

/** Only what differs, as [mark, line] with one line around it; null stands for what is left out. */
export function changes(before, after) {
  const lines = difference(before, after);
  const isNear = lines.map((_, place) =>
    lines.slice(Math.max(0, place - 1), place + 2).some(([mark]) => mark !== " "),
  );
  const kept = [];
  for (const [place, line] of lines.entries()) {
    if (isNear[place]) kept.push(line);
    else if (kept.length && kept.at(-1) !== null) kept.push(null);
  }
  if (kept.at(-1) === null) kept.pop();
  return kept;
}

function difference(before, after) {
  let start = 0;
  while (start < before.length && before[start] === after[start]) start++;
  let end = 0;
  const shortest = Math.min(before.length, after.length) - start;
  while (end < shortest && before.at(-1 - end) === after.at(-1 - end)) end++;
  const same = (line) => [" ", line];
  return [
    ...before.slice(0, start).map(same),
    ...middle(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(same),
  ];
}

function middle(a, b) {
  if (a.length * b.length > CELLS_MAX)
    return [...a.map((line) => ["-", line]), ...b.map((line) => ["+", line])];
  const longest = commonLengths(a, b);
  const lines = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push([" ", a[i]]);
      i++;
      j++;
    } else if (i < a.length && (j === b.length || longest[i + 1][j] >= longest[i][j + 1]))
      lines.push(["-", a[i++]]);
    else lines.push(["+", b[j++]]);
  }
  return lines;
}

/** How many lines two texts have in common from a place in each: the classic table. */
function commonLengths(a, b) {
  const longest = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i][j] =
        a[i] === b[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  return longest;
}
