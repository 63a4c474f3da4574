/**
 * Which of the 1000 ImageNet classes make up each label of the label tasks: the 16 of Geirhos et al.
 * 2021 first, then those of later benchmarks (spec Appendix C). Ranges include both ends.
 */
const ranges = {
  airplane: '404',
  bear: '294-297',
  bicycle: '444 671',
  bird: '8 10-16 18-20 22-24 80-83 87-96 98-100 127-133 135-145',
  boat: '472 554 625 814 914',
  bottle: '440 720 737 898-899 901 907',
  car: '436 511 817',
  cat: '281-286',
  chair: '423 559 765 857',
  clock: '409 530 892',
  dog: '152-191 193-203 205-226 228-241 243-250 252-257 259 261-263 265-268',
  elephant: '385-386',
  keyboard: '508 878',
  knife: '499',
  oven: '766',
  truck: '555 569 656 675 717 734 864 867',
  frog: '30-32',
  lizard: '38-48',
  bunny: '330-332',
  tiger: '286-293',
  turtle: '33-37',
  wolf: '269-275',
  aeroplane: '404 895',
  motorbike: '670 665',
  bus: '779 874 654',
  banana: '954',
  beanie: '439 452 515 808',
  binoculars: '447',
  boot: '514',
  bowl: '659 809',
  cup: '968',
  glasses: '837',
  lamp: '470 607 818 846',
  pan: '567',
  sewingmachine: '786',
  shovel: '792',
} as const;

function expand(text: string): number[] {
  return text.split(' ').flatMap((range) => {
    const [from, to = from] = range.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

/** ImageNet class indices of each label. */
export const imagenetLabels: ReadonlyMap<string, readonly number[]> = new Map(
  Object.entries(ranges).map(([label, text]) => [label, expand(text)]),
);
