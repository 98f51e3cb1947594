/** Names and places; none belongs to a person. */
// biome-ignore format: a list
export const FEMALE_NAMES = [
  'Abigail', 'Amara', 'Beatriz', 'Carmen', 'Chloe', 'Dolores', 'Elena', 'Fatima', 'Grace', 'Hannah', 'Imani', 'Ingrid', 'Josefina', 'Keiko',
  'Leila', 'Linh', 'Margaret', 'Mei', 'Naomi', 'Olivia', 'Priya', 'Renée', 'Rosa', 'Ruth', 'Siobhán', 'Sofia', 'Tamika', 'Ursula', 'Wanda', 'Zoë',
] as const;
// biome-ignore format: a list
export const MALE_NAMES = [
  'Aaron', 'Ahmed', 'Andrés', 'Benjamin', 'Björn', 'Carlos', 'Daniel', 'DeShawn', 'Elijah', 'Francisco', 'George', 'Hiroshi', 'Isaac', 'Jamal',
  'José', 'Kevin', 'Liam', 'Luca', 'Malik', 'Mateo', 'Nathan', 'Omar', 'Patrick', 'Quang', 'Rajesh', 'Samuel', 'Thomas', 'Victor', 'Walter', 'Yusuf',
] as const;
// biome-ignore format: a list
export const FAMILY_NAMES = [
  'Abbott', 'Adeyemi', 'Almeida', 'Baker', 'Begay', 'Bennett', 'Castillo', 'Chen', 'Cohen', 'Davis', 'Dubois', 'Edwards', 'Fischer', 'Flores',
  'García', 'Goldberg', 'Green', 'Haddad', 'Harris', 'Hernández', 'Ibrahim', 'Jackson', 'Jensen', 'Johnson', 'Kaplan', 'Kim', 'Kowalski', 'Lee',
  'Lopez', 'Martin', 'Mitchell', 'Morales', 'Murphy', 'Müller', 'Nakamura', 'Nguyen', "O'Brien", 'Okafor', 'Ortiz', 'Parker', 'Patel', 'Petrov',
  'Ramirez', 'Reyes', 'Robinson', 'Rossi', 'Santos', 'Schmidt', 'Silva', 'Singh', 'Smith', 'Sullivan', 'Tanaka', 'Thompson', 'Torres', 'Tran',
  'Walker', 'Washington', 'Williams', 'Young',
] as const;
export const STREETS = [
  'Maple Street',
  'Oak Avenue',
  'Main Street',
  'Harbor Road',
  'Elm Court',
  'Washington Street',
  'Mill Lane',
  'Lake View Drive',
] as const;
export const CITIES = [
  { city: 'Boston', postalCode: '02118' },
  { city: 'Worcester', postalCode: '01608' },
  { city: 'Springfield', postalCode: '01103' },
  { city: 'Lowell', postalCode: '01852' },
  { city: 'Cambridge', postalCode: '02139' },
  { city: 'Quincy', postalCode: '02169' },
  { city: 'Plymouth', postalCode: '02360' },
  { city: 'Pittsfield', postalCode: '01201' },
] as const;
export const HOSPITALS = [
  'Bay Shore',
  'Mill River',
  'North Harbor',
  'Saint Agnes',
  'Pine Hill',
  'Stone Bridge',
  'Old Colony',
  'Blue Hills',
] as const;

/** OMB categories with their share of the population. */
export const RACES = [
  { share: 0.68, code: '2106-3', display: 'White' },
  { share: 0.13, code: '2054-5', display: 'Black or African American' },
  { share: 0.1, code: '2028-9', display: 'Asian' },
  { share: 0.01, code: '1002-5', display: 'American Indian or Alaska Native' },
  { share: 0.08, code: '2131-1', display: 'Other Race' },
] as const;
export const MARITAL_STATUSES = [
  { code: 'M', display: 'Married' },
  { code: 'S', display: 'Never Married' },
  { code: 'D', display: 'Divorced' },
  { code: 'W', display: 'Widowed' },
] as const;
export const LANGUAGES = [
  { share: 0.84, code: 'en-US', display: 'English' },
  { share: 0.1, code: 'es', display: 'Spanish' },
  { share: 0.03, code: 'pt', display: 'Portuguese' },
  { share: 0.03, code: 'zh', display: 'Chinese' },
] as const;
