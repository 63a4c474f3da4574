/** Markup that is safe to insert into a page unescaped. Made by `html`. */
export class Html {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }

  /**
   * Fills a template: what is interpolated is text and is escaped, but for markup that another `html`
   * made. Lists are joined; `null`, `undefined` and `false` are left out. Attributes must stand in
   * double quotes, and nothing may be interpolated into a tag's name, a style or a script.
   */
  static fill(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
    let text = strings[0];
    pieces.forEach((piece, i) => {
      text += markup(piece) + strings[i + 1];
    });
    return new Html(text);
  }

  /** Marks text as trusted markup: only for our own constants, such as a style sheet. */
  static trusted(constant: string): Html {
    return new Html(constant);
  }
}

/** Values allowed in a template. */
export type Piece = Html | string | number | null | undefined | false | readonly Piece[];

/** The template of every page: html`<p>${name}</p>`; see `Html.fill`. */
export const html = Html.fill;

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function markup(piece: Piece): string {
  if (piece === null || piece === undefined || piece === false) return '';
  if (piece instanceof Html) return piece.toString();
  if (typeof piece === 'object') return piece.map(markup).join('');
  return String(piece).replaceAll(/[&<>"']/g, (character) => ESCAPES[character]);
}
