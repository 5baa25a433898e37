/** What boxes used long ago is found, to be removed, without reading the rest. */
export default `
CREATE INDEX box_usage_trim ON box_usage (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
`;
