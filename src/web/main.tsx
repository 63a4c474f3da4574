// First, so that the styles of pages may differ from it.
import './theme.css';
import { render } from 'preact';
import { App } from './app.js';

const root = document.getElementById('app') as HTMLElement;
// What the server sent is the same page without its controls: it stays until this stands in its place.
const first = [...(root.querySelector('main')?.childNodes ?? [])];
root.replaceChildren();
render(<App first={first} />, root);
