export const GET = ({ redirect }) => redirect("/form", 307);
