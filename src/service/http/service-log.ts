import { type DestinationStream, destination, type Logger, pino } from 'pino';

/** Replaces a secret. */
const CENSOR = '[secret]';

/** The texts of keys, of sessions and of other bearer tokens, wherever in a line they got to: an address, a message. */
const tokens = /vk_[0-9a-z]{16}_[\w-]{43}|vs_[\w-]{43}|(?<=Bearer(?: |%20|\+)+)[\w~+/.-]+=*/gi;

/** Fields that hold secrets whatever these look like. */
const fields = ['authorization', 'cookie', 'secret', 'key', 'token', 'password'];
const redacted = fields.flatMap((name) => [name, `*.${name}`, `*.*.${name}`, `*.*.*.${name}`]);

/**
 * The log of the service, with secrets redacted: fields by name, keys anywhere.
 * Lines go to stderr, unless another stream takes them.
 */
export function serviceLog(
  level: string,
  stream: DestinationStream = destination({ fd: 2, sync: true }),
): Logger {
  return pino(
    {
      level,
      base: null,
      redact: { paths: redacted, censor: CENSOR },
      hooks: { streamWrite: (line) => line.replaceAll(tokens, CENSOR) },
    },
    stream,
  );
}
