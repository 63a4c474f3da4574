import type { ArchiveEntry } from './archive-directory.js';
import type { Findings } from './finding.js';

/** What no archive from a stranger should hold, whatever is in it: names that lead elsewhere or mean two things. */
export function checkNames(entries: readonly ArchiveEntry[], findings: Findings): void {
  const seen = new Set<string>();
  const folded = new Map<string, string>();
  for (const entry of entries) {
    const { name } = entry;
    checkName(entry, findings);
    checkMode(entry, findings);
    const path = name.replace(/\/$/, '');
    const same = path.normalize('NFC').toLowerCase();
    if (seen.has(path)) findings.add('zip-duplicate', name, 'occurs twice in the archive');
    else if (folded.has(same))
      findings.add(
        'zip-duplicate-case',
        name,
        `differs from ${folded.get(same)} only in case or accents, and replaces it on some systems`,
      );
    seen.add(path);
    if (!folded.has(same)) folded.set(same, name);
  }
}

/** What file systems take. */
const LONGEST = 255;

function checkName({ name, rawName }: ArchiveEntry, findings: Findings): void {
  if (/^\.?\/?$/.test(name)) findings.add('zip-name', name, 'has no name');
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name))
    findings.add(
      'zip-name',
      name,
      'has characters in its name that are not shown, or turn the text around',
    );
  else if (rawName.some((byte) => byte >= 0x80))
    findings.add('zip-name-not-ascii', name, 'has a non-ASCII name, which some systems change');
  if (name.split('/').some((part) => Buffer.byteLength(part) > LONGEST))
    findings.add('zip-name', name, `has a name of more than ${LONGEST} bytes`);
  if (/^[/\\]/.test(name) || /^[A-Za-z]:/.test(name))
    findings.add('path-absolute', name, 'has an absolute path');
  if (name.includes('\\')) findings.add('path-backslash', name, 'has a backslash in its path');
  if (name.split(/[/\\]/).includes('..'))
    findings.add('path-escape', name, 'leaves the folder that it is unpacked to');
}

function checkMode({ name, mode, isFolder }: ArchiveEntry, findings: Findings): void {
  const kind = mode & 0o170000;
  if (kind === 0o120000) findings.add('path-symlink', name, 'is a symbolic link');
  else if (kind !== 0 && kind !== 0o100000 && kind !== 0o040000)
    findings.add('path-special', name, 'is neither a file nor a folder');
  else if (kind === 0o040000 && !isFolder)
    findings.add('path-special', name, 'is a folder by its mode but not by its name');
}

const archiveName = /\.(zip|jar|whl|egg|tar|tgz|tbz2?|txz|gz|bz2|xz|7z|rar|zst|lz4|cab|iso|dmg)$/i;
/** Formats of weights and arrays that are ZIP archives by nature. */
const zipByNature = /\.(pt|pth|ckpt|npz|keras|mar)$/i;

const magic: readonly (readonly [string, string, number])[] = [
  ['PK\x03\x04', 'a ZIP archive', 0],
  ['PK\x05\x06', 'a ZIP archive', 0],
  ['\x1f\x8b', 'gzip', 0],
  ['BZh', 'bzip2', 0],
  ['\xfd7zXZ\0', 'xz', 0],
  ["7z\xbc\xaf'\x1c", '7-Zip', 0],
  ['Rar!\x1a\x07', 'RAR', 0],
  ['\x28\xb5\x2f\xfd', 'Zstandard', 0],
  ['ustar', 'tar', 257],
];

/** Archives within the archive: their contents are unchecked, and they may unpack to anything. */
export function checkNested(heads: ReadonlyMap<ArchiveEntry, Buffer>, findings: Findings): void {
  for (const [{ name }, head] of heads) {
    if (zipByNature.test(name)) continue;
    const text = head.toString('latin1');
    const found = magic.find(([bytes, , at]) => text.startsWith(bytes, at));
    if (found)
      findings.add('nested-archive', name, `is an archive (${found[1]}) within the archive`);
    else if (archiveName.test(name))
      findings.add('nested-archive', name, 'bears the name of an archive');
  }
}
