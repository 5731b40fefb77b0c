/** Words that say nothing about a person's work: the grammar of English, and the small talk of job ads. */
export const STOP_WORDS: ReadonlySet<string> = new Set(
  `a about across all am an and any are as at be been both but by can could did do does each etc for from had has have
  he her his i if in into is it its me more most my no non not of off on only or other our out over own per she so some
  such than that the their them then there these they this those through to too under until up us used using very was
  we were what when where which while who will with within would you your
  ability candidate equivalent excellent experience familiar familiarity field fluent good great hand hands help highly ideal
  ideally including involve join keep knowledge looking new nice plus position preferred proven related require required
  responsible role skill skilled solid strong team understand understanding want welcome well work working year`.split(
    /\s+/,
  ),
)
