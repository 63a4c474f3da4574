import { createHash } from 'node:crypto';
import { ink } from '../figure/drawing.js';
import { Html, html } from './html.js';
import { chartStyle } from './map-charts.js';

/**
 * A page in one file: no script, nothing fetched, light and dark, narrow screens and paper. The policy
 * lets in nothing but its own style sheet, by digest, so that markup which should ever slip in stays inert.
 * @param title text of the window
 * @param body content of `<main>`
 * @returns the bytes of the file; the same input gives the same bytes
 */
export function htmlPage(title: string, body: Html): string {
  const digest = createHash('sha256').update(style).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'`;
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${Html.trusted(style)}</style>
</head>
<body>
<svg class="defs" aria-hidden="true" width="0" height="0"><defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line class="hatch" x1="0" y1="0" x2="0" y2="5"/></pattern></defs></svg>
<main>
${body}
</main>
</body>
</html>
`);
}

const style = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1a1c20; --faint: #5c626d; --rule: #dcdfe4; --shade: #f4f5f7;
  --loud: #8a3b00; --loud-paper: #fff1e0;
  ${ink.curves.map((colour, i) => `--curve-${i}: ${colour};`).join(' ')}
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15171b; --ink: #e8eaee; --faint: #a0a7b3; --rule: #353a43; --shade: #1e2127;
    --loud: #ffc48a; --loud-paper: #3a2408;
    --curve-0: #6cb6f2; --curve-1: #f2a35c; --curve-2: #c3a2ee;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 36px 0 8px; }
h3 { font-size: 14px; margin: 0 0 4px; overflow-wrap: anywhere; }
h3 small, th small, td small { font-weight: 400; color: var(--faint); }
p { margin: 8px 0; max-width: 78ch; }
code, td.number { font-family: ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: 0.88em; }
code { overflow-wrap: anywhere; }
.faint { color: var(--faint); }
.loud { border-left: 5px solid var(--loud); background: var(--loud-paper); color: var(--loud); padding: 10px 14px; margin: 16px 0; font-weight: 600; }
.tag { display: inline-block; border: 1px solid currentColor; border-radius: 3px; padding: 0 5px; font-size: 12px; line-height: 1.5; color: var(--loud); white-space: nowrap; }
.wide { overflow-x: auto; }
.columns { display: grid; grid-template-columns: auto minmax(320px, 1fr); gap: 32px; align-items: start; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 20px 24px; }
figure { margin: 0; min-width: 0; }
table { border-collapse: collapse; font-size: 14px; }
th, td { text-align: left; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--rule); vertical-align: top; max-width: 340px; }
th[scope=row], td.names { min-width: 130px; overflow-wrap: anywhere; }
td.many { min-width: 220px; }
th { font-weight: 600; color: var(--faint); white-space: nowrap; }
th[scope=row] { color: inherit; white-space: normal; }
td.number { font-variant-numeric: tabular-nums; }
td.number, th.number { text-align: right; white-space: nowrap; }
tr.chosen { font-weight: 700; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 18px; margin: 8px 0; font-size: 14px; }
dt { color: var(--faint); }
dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
details { border-bottom: 1px solid var(--rule); padding: 6px 0; }
summary { cursor: pointer; }
summary:focus-visible { outline: 2px solid var(--curve-0); outline-offset: 2px; }
ol.notes { margin: 8px 0; padding-left: 24px; font-size: 13px; max-width: 460px; }
.defs { position: absolute; }
.hatch { stroke: var(--rule); stroke-width: 4; }
${chartStyle}
@media (max-width: 900px) { .columns { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 560px) {
  main { padding: 14px 10px 32px; }
  h1 { font-size: 21px; }
  .plots { grid-template-columns: minmax(0, 1fr); }
  .cards thead { display: none; }
  .cards table, .cards tbody, .cards tr, .cards th, .cards td { display: block; max-width: none; text-align: left; }
  .cards tr { border-bottom: 1px solid var(--rule); padding: 6px 0; }
  .cards th, .cards td { border: 0; padding: 1px 0; }
  .cards td.number br { display: none; }
  .cards td[data-label]::before { content: attr(data-label) ': '; color: var(--faint); font: 13px system-ui, sans-serif; }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dd { margin-bottom: 6px; }
}
@media print {
  main { max-width: none; padding: 0; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .wide { overflow: visible; }
  .plots figure, tr { break-inside: avoid; }
  details::details-content { content-visibility: visible; height: auto; }
}
`;
