export type { StashMethods } from './cache/build-stash.js'
export { byConfidence, type ConfidenceOptions } from './cache/by-confidence.js'
export { type CacheStatusOptions, cacheStatus } from './cache/cache-status.js'
export {
  type CachedDecorator,
  type CachedFunction,
  type CachedMethods,
  type CachedOptions,
  cached,
  type MethodOptions,
  type NamespaceFor,
} from './cache/cached.js'
export type { ReadOptions, ScopeOption, WriteOptions } from './cache/call-options.js'
export type { InvalidationMode } from './cache/cells.js'
export type { NamespaceStats, RefusalReason, Savings } from './cache/counters.js'
export { createDeduper, type DedupeContext, type DedupeOptions, type Deduper } from './cache/deduper.js'
export type { EntryView } from './cache/entry-view.js'
export type { Explanation, SettingsInForce } from './cache/explain-entry.js'
export type { ForgetReceipt } from './cache/forget.js'
export type { InvalidateOptions } from './cache/invalidate.js'
export type { Loader, LoaderContext } from './cache/loader.js'
export type { BatchLoader, BatchRows, ManyOptions } from './cache/many.js'
export type { GetOrSet, Namespace } from './cache/namespace.js'
export type {
  EarlyRefresh,
  NamespaceDefinition,
  NamespaceOptions,
  NegativeCaching,
  Ttl,
} from './cache/namespace-options.js'
export { CACHE_CHANNEL, type CacheOperation, type CacheOutcome } from './cache/outcome.js'
export type { Isolation } from './cache/ownership.js'
export {
  namespace,
  type PresetName,
  type Presets,
  type PresetTypes,
  preset,
  presets,
} from './cache/presets.browser.js'
export type { AnalysisKey, PresetOptions, RenderKey, TailoredResumeKey } from './cache/presets.js'
export type { RecordHost, RecordOptions, RecordOutcome, Records } from './cache/records.js'
export type { Registry, RegistryItem, RegistryKind } from './cache/registry.js'
export type { SettingSource } from './cache/setting-source.js'
export type { StandardResult, StandardSchema } from './cache/standard-schema.js'
export { createStash, type Stash } from './cache/stash.browser.js'
export { type NamespaceDefinitions, RESERVED_NAMES, type StashOptions } from './cache/stash-options.js'
export type { StashStats } from './cache/stash-stats.js'
export type { WarmItem, WarmOptions, WarmProgress, WarmSummary } from './cache/warm.js'
export { type Warmable, type WarmOnStartOptions, type WarmUp, warmOnStart } from './cache/warm-on-start.js'
export type { MissCause, ReadStatus, Tier, TierResult, WriteResult } from './cache/words.js'
export { type ErrorContext, HopstashError } from './errors/base-error.js'
export { BatchError } from './errors/batch-error.js'
export { ERROR_CODES, type ErrorCode } from './errors/codes.js'
export { KeyError } from './errors/key-error.js'
export { LoadError } from './errors/load-error.js'
export { OptionError } from './errors/option-error.js'
export { ValueError } from './errors/value-error.js'
export { diffKeys, type KeyDifference } from './keys/diff-keys.js'
export { type DigestOptions, digest, digestOf, type KeyDigest } from './keys/digest.js'
export { explainKey, type KeyExplanation } from './keys/explain.js'
export { KEY_SCHEMA_VERSION } from './keys/key.js'
export { keyForm } from './keys/key-form.js'
export type { TextForm, TextFormOptions } from './keys/text-form.js'
export type { Percentiles } from './metrics/histogram.js'
export type { Clock, TimerHandle } from './runtime/clock.js'
export { type Duration, formatDuration, parseDuration } from './runtime/duration.js'
