/**
 * Advance widths of Arimo (which are those of Arial, Helvetica and Liberation Sans), in 1/2048 of the size of the
 * type: by first code point, one number a character; 0 where the font has none.
 */
const ranges: readonly (readonly [number, string])[] = [
  [
    0x20,
    `569 569 727 1139 1139 1821 1366 391 682 682 797 1196 569 682 569 569 1139 1139 1139 1139 1139 1139
   1139 1139 1139 1139 569 569 1196 1196 1196 1139 2079 1366 1366 1479 1479 1366 1251 1593 1479 569
   1024 1366 1139 1706 1479 1593 1366 1593 1479 1366 1251 1479 1366 1933 1366 1366 1251 569 569 569 961
   1139 682 1139 1139 1024 1139 1139 569 1139 1139 455 455 1024 455 1706 1139 1139 1139 1139 682 1024
   569 1139 1024 1479 1024 1024 1024 684 532 684 1196`,
  ],
  [
    0xa0,
    `569 682 1139 1139 1139 1139 532 1139 682 1509 758 1139 1196 682 1509 1131 819 1124 682 682 682 1180
   1100 682 682 682 748 1139 1708 1708 1708 1251 1366 1366 1366 1366 1366 1366 2048 1479 1366 1366 1366
   1366 569 569 569 569 1479 1479 1593 1593 1593 1593 1593 1196 1593 1479 1479 1479 1479 1366 1366 1251
   1139 1139 1139 1139 1139 1139 1821 1024 1139 1139 1139 1139 569 569 569 569 1139 1139 1139 1139 1139
   1139 1139 1124 1251 1139 1139 1139 1139 1024 1139 1024 1366 1139 1366 1139 1366 1139 1479 1024 1479
   1024 1479 1024 1479 1024 1479 1259 1479 1139 1366 1139 1366 1139 1366 1139 1366 1139 1366 1139 1593
   1139 1593 1139 1593 1139 1593 1139 1479 1139 1479 1139 569 569 569 569 569 569 569 455 569 569 1505
   909 1024 455 1366 1024 1024 1139 455 1139 455 1139 597 1139 684 1139 455 1479 1139 1479 1139 1479
   1139 1237 1481 1139 1593 1139 1593 1139 1593 1139 2048 1933 1479 682 1479 682 1479 682 1366 1024
   1366 1024 1366 1024 1366 1024 1251 569 1251 768 1251 569 1479 1139 1479 1139 1479 1139 1479 1139
   1479 1139 1479 1139 1933 1479 1366 1024 1366 1251 1024 1251 1024 1251 1024 455`,
  ],
  [
    0x384,
    `682 682 1367 569 1606 1716 786 0 1586 0 1752 1541 455 1366 1366 1128 1368 1366 1251 1479 1593 569
   1366 1368 1706 1479 1331 1593 1479 1366 0 1266 1251 1366 1634 1366 1711 1531 569 1366 1184 913 1139
   455 1120 1184 1178 1024 1140 913 903 1139 1139 455 1024 1024 1180 1024 917 1139 1413 1165 987 1264
   809 1120 1328 1075 1460 1599 455 1120 1139 1120 1599`,
  ],
  [
    0x401,
    `1367 1771 1109 1472 1366 569 569 1024 2165 2069 1749 1193 1472 1301 1472 1366 1344 1366 1109 1387
   1366 1891 1237 1472 1472 1193 1344 1706 1479 1593 1472 1366 1479 1251 1301 1557 1366 1515 1365 1877
   1920 1621 1813 1344 1472 2069 1479 1139 1173 1088 747 1195 1139 1370 939 1144 1144 896 1195 1408
   1131 1139 1109 1139 1024 938 1024 1685 1024 1173 1067 1643 1685 1280 1472 1067 1045 1536 1109 1139
   1139 1139 747 1045 1024 455 569 455 1856 1664 1139 896 1144 1024 1130`,
  ],
  [
    0x2010,
    `682 682 1139 1139 2048 2048 856 1131 455 455 455 455 682 682 682 682 1139 1139 717 717 569 1059 2048`,
  ],
  [0x2039, `682 682`],
  [0x2212, `1196`],
];

const widths = new Map(
  ranges.flatMap(([first, text]) =>
    text.split(/\s+/).map((width, i): [number, number] => [first + i, Number(width)]),
  ),
);

/** Whether the font of figures has a character. */
export const inFont = (character: string): boolean =>
  (widths.get(character.codePointAt(0) ?? 0) ?? 0) > 0;

/** Width of a line of text at a size, in the unit of the size; a character that the font lacks is as wide as it is high. */
export function textWidth(text: string, size: number): number {
  let sum = 0;
  for (const character of text) sum += widths.get(character.codePointAt(0) ?? 0) || 2048;
  return (sum / 2048) * size;
}

/** The width to which a text is fitted in whatever font it is shown; undefined where the font of figures lacks a character. */
export const fittedWidth = (text: string, size: number): number | undefined =>
  text !== '' && [...text].every(inFont) ? textWidth(text, size) : undefined;

/** Where a name may be broken: after a separator but for a decimal point, and where a word or a number in it ends. */
const BREAKS = /(?<=[\s./_-])(?<!\d\.(?=\d))|(?<=[a-z\d])(?=[A-Z])|(?<=\d)(?=[a-z])/;

/**
 * Breaks text into lines of at most `width`: after a space, a separator of names (`.`, `/`, `_`, `-`) or a word in a
 * name, else anywhere. No character is lost but the spaces at breaks.
 */
export function wrapText(text: string, size: number, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  const fits = (more: string) => textWidth(line + more.trimEnd(), size) <= width;
  for (const piece of text.split(BREAKS)) {
    if (line !== '' && !fits(piece)) {
      lines.push(line.trimEnd());
      line = '';
    }
    if (line !== '' || fits(piece)) {
      line += piece;
      continue;
    }
    for (const character of piece) {
      if (line !== '' && !fits(character)) {
        lines.push(line);
        line = '';
      }
      line += character;
    }
  }
  return [...lines, line.trimEnd()].filter((each, i) => each !== '' || i === 0);
}

/** An estimate as a person reads it: three decimals, its 95 % interval. */
export function estimateText({
  value,
  ci,
}: {
  readonly value: number | null;
  readonly ci: readonly number[] | null;
}): string {
  if (value === null) return 'no value';
  return `${decimals(value)}${ci ? ` [${ci.map(decimals).join(', ')}]` : ''}`;
}

/** Three decimals, or one digit of what would be 0 then and is not. */
export const decimals = (given: number): string => {
  // What is left of two equal numbers that were added up in another order.
  const number = Math.abs(given) < 1e-12 ? 0 : given;
  const rounded = number.toFixed(3);
  const text = number !== 0 && Number(rounded) === 0 ? number.toPrecision(1) : rounded;
  return text.replaceAll('-', '−');
};
