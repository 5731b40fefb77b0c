const begun = performance.now()
await import(process.argv[2])
process.stdout.write(String(performance.now() - begun), () => process.exit())
