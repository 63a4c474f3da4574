export { shadeOf } from '../figure/score-shade.js';
