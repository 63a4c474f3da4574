import type { Locator, Page } from 'playwright-core';

/** How a person works a page: by the mouse alone, or by the keyboard alone. */
export interface Hand {
  /** Follows a link, pushes a button, ticks a box, takes one of several radio buttons or an item of an open menu. */
  press(target: Locator): Promise<void>;
  /** Chooses a file of the disk. */
  give(input: Locator, path: string): Promise<void>;
  /** Chooses an option of a list by its words. */
  choose(list: Locator, words: string): Promise<void>;
}

export const byMouse = (page: Page): Hand => ({
  press: (target) => target.click(),
  async give(input, path) {
    const choosing = page.waitForEvent('filechooser');
    await input.click();
    await (await choosing).setFiles(path);
  },
  async choose(list, words) {
    // The list that opens is drawn by the system, where no driver reaches its options.
    await list.click();
    await list.selectOption({ label: words });
    await page.keyboard.press('Escape');
  },
});

export const byKeyboard = (page: Page): Hand => ({
  async press(target) {
    await target.waitFor();
    const kind = await target.getAttribute('type');
    if ((await target.getAttribute('role')) === 'menuitem') await byArrows(page, target);
    else if (kind === 'radio') await toRadio(page, target);
    else await tabTo(page, target);
    if (kind !== 'radio') await page.keyboard.press(kind === 'checkbox' ? 'Space' : 'Enter');
  },
  async give(input, path) {
    // Listens before the focus moves: the browser is told to report dialogs on another channel than it gets keys.
    const choosing = page.waitForEvent('filechooser');
    await Promise.race([choosing, tabTo(page, input)]);
    const [chooser] = await Promise.all([choosing, page.keyboard.press('Enter')]);
    await chooser.setFiles(path);
  },
  async choose(list, words) {
    await tabTo(page, list);
    await page.keyboard.type(words);
  },
});

/** Nobody presses Tab more often. */
const MOST_TABS = 250;

const hasFocus = async (page: Page, target: Locator) =>
  (await target.and(page.locator(':focus')).count()) > 0;

/** Presses Tab until the focus is on what is meant. */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  await target.waitFor();
  for (let tabs = 0; !(await hasFocus(page, target)); tabs++) {
    if (tabs === MOST_TABS) throw new Error(`the keyboard does not reach ${target}`);
    await page.keyboard.press('Tab');
  }
}

/** One radio button of a group has the Tab; arrow keys choose among them. */
async function toRadio(page: Page, target: Locator): Promise<void> {
  const name = await target.getAttribute('name');
  const group = page.locator(`input[type=radio][name="${name}"]`);
  for (let tabs = 0; !(await hasFocus(page, group)); tabs++) {
    if (tabs === MOST_TABS) throw new Error(`the keyboard does not reach ${target}`);
    await page.keyboard.press('Tab');
  }
  if (await hasFocus(page, target)) return page.keyboard.press('Space');
  await byArrows(page, target);
}

async function byArrows(page: Page, target: Locator): Promise<void> {
  for (let keys = 0; !(await hasFocus(page, target)); keys++) {
    if (keys === 50) throw new Error(`arrow keys do not reach ${target}`);
    await page.keyboard.press('ArrowDown');
  }
}
