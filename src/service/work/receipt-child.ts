import { serveParent } from '../child/serve-parent.js';
import type { ReceiptTask } from './receipt-task.js';

serveParent<ReceiptTask>(async () => {
  const { answerReceiptTask } = await import('./receipt-task.js');
  return answerReceiptTask;
});
