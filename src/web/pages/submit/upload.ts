import { byScript, noteRefusal, ProblemError, type Schemas } from '../../client/client.js';

type Model = Schemas['Model'];

/** What is sent with a file. */
export interface Upload {
  readonly file: File;
  readonly visibility: Schemas['Visibility'];
  /** With visibility `group`. */
  readonly group?: string;
}

/**
 * Registers a model, and tells how much of it has been sent, which fetch cannot; `POST /models` otherwise.
 * @param progress called with the bytes sent; all of them while the service checks the graph
 * @throws ProblemError where the service refuses, an AbortError where the signal ends it
 */
export function uploadModel(
  { file, visibility, group }: Upload,
  progress: (sent: number) => void,
  signal: AbortSignal,
): Promise<Model> {
  const form = new FormData();
  form.set('visibility', visibility);
  if (group !== undefined) form.set('group', group);
  form.set('file', file, file.name);
  const request = new XMLHttpRequest();
  request.open('POST', '/v1/models');
  for (const [name, value] of Object.entries(byScript)) request.setRequestHeader(name, value);
  request.responseType = 'json';
  return new Promise((resolve, reject) => {
    request.upload.onprogress = ({ loaded }) => progress(Math.min(loaded, file.size));
    request.onload = () => {
      noteRefusal('/v1/models', request.status);
      if (request.status < 300) resolve(request.response);
      else reject(new ProblemError(request.response ?? unanswered(request)));
    };
    request.onerror = () =>
      reject(new Error('The connection was lost before the upload finished.'));
    request.onabort = () => reject(signal.reason);
    signal.addEventListener('abort', () => request.abort(), { once: true });
    request.send(form);
  });
}

const unanswered = ({ status, statusText }: XMLHttpRequest): Schemas['Problem'] => ({
  type: 'about:blank',
  title: statusText,
  status,
  detail: `The service answered ${status} ${statusText}`,
});
