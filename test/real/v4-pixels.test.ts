import { onV4, rescored } from './v4-hvm640.js';

onV4((place) => rescored(place, { model: { path: 'pixels' }, layers: ['pixels'] }));
