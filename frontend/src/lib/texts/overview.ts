export const overviewTexts = {
  title: 'Overview',
  hint: (age: string) => `As of ${age}`,
}
