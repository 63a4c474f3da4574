import { useTitle } from '../../parts/title.js';

export function LeaderboardPage() {
  useTitle('Leaderboard');
  return <h1>Leaderboard</h1>;
}
