// One bench in a process of its own: what the engine learned from another bench does not count here.
const [name, pace] = process.argv.slice(2)
const { bench } = await import(`./${name}.mjs`)
const tables = await bench(JSON.parse(pace))
process.send(tables, () => process.exit())
