import './theme.css';
import './docs.css';

/** The pages of `docs/` are whole as they come; this adds the buttons that copy code. */
for (const block of document.querySelectorAll<HTMLPreElement>('.document pre')) {
  const code = block.textContent ?? '';
  const text = block.dataset.lang === 'console' ? commandsOf(code) : code;
  if (text !== '') block.before(copyButton(text));
}

/** Of what a terminal showed what was typed. */
function commandsOf(shown: string): string {
  return shown
    .split('\n')
    .flatMap((line) => (line.startsWith('$ ') ? `${line.slice(2)}\n` : []))
    .join('');
}

function copyButton(text: string): HTMLElement {
  const place = document.createElement('p');
  place.className = 'copy';
  const said = document.createElement('span');
  said.setAttribute('role', 'status');
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'Copy';
  button.addEventListener('click', async () => {
    const done = await navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
    said.textContent = done ? 'copied' : 'not copied: select the text and copy it';
  });
  place.append(said, ' ', button);
  return place;
}
