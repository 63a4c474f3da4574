export { type FactName, factNames, facts, factText } from '../figure/fact-words.js';
