/** Which server follows a command, so that another one takes it over only when that one has died. */
export default `
ALTER TABLE ops ADD COLUMN host_id text COLLATE "C";
`;
