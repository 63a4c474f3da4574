export { visibleName } from '../figure/visible-name.js';
