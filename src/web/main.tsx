// First, so that the styles of pages may differ from it.
import './theme.css';
import { render } from 'preact';
import { App } from './app.js';

const root = document.getElementById('app') as HTMLElement;
// What the server sent is the same table without its controls: it stays until this stands in its place.
root.replaceChildren();
render(<App />, root);
