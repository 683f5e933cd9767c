export default function Run({ id }: { id: string }) {
  return <h1>{id}</h1>;
}
